import math
from typing import Any

import msgspec
import pytest
from django.contrib.auth.models import User
from django.core.exceptions import ValidationError

from notifications.exceptions import (
    AlreadyRegistered,
    InvalidEventType,
    InvalidPayload,
    InvalidTopic,
    NotFollowable,
    UnknownEventType,
)
from notifications.models import Follow, Level
from notifications.protocol.sse import RESERVED_NAMES
from notifications.publishing.event_types import WIRE_FIELDS, EventType, event_type
from notifications.publishing.followables import (
    Followable,
    follow,
    followable,
    object_of,
    topic_of,
    unfollow,
)
from project.qa.models import Question, Topic

pytestmark = pytest.mark.usefixtures("registries")


class Comment(msgspec.Struct):
    comment_id: int
    text: str
    score: float = 0.0
    extra: Any = None


class Renamed(msgspec.Struct, rename="camel"):
    comment_id: int


@pytest.fixture
def registries(monkeypatch):
    """Registries that forget what a test registers."""
    monkeypatch.setattr(EventType, "registry", {**EventType.registry})
    monkeypatch.setattr(Followable, "registry", {**Followable.registry})


@pytest.fixture
def new_comment(registries):
    return EventType("new_comment", Comment, label="New comment")


def test_an_event_type_is_found_by_its_name(new_comment):
    assert event_type("new_comment") is new_comment


def test_a_name_that_is_not_registered_is_refused_with_those_that_are(new_comment):
    with pytest.raises(UnknownEventType) as caught:
        event_type("new_coment")

    assert caught.value.name == "new_coment"
    assert caught.value.known == sorted(EventType.registry)
    assert "new_comment" in str(caught.value)


@pytest.mark.parametrize(
    "name",
    ["", "New", "new-comment", "new comment", "1st", "_a", "é", "a\n", "a" * 64],
)
def test_a_name_that_cannot_be_is_refused(name):
    with pytest.raises(InvalidEventType, match="a name such as new_comment"):
        EventType(name, Comment)

    assert name not in EventType.registry


@pytest.mark.parametrize("name", sorted(RESERVED_NAMES))
def test_a_name_that_the_wire_needs_itself_is_refused(name):
    with pytest.raises(InvalidEventType, match="not reserved"):
        EventType(name, Comment)

    assert name not in EventType.registry


@pytest.mark.parametrize("field", sorted(WIRE_FIELDS))
def test_a_payload_with_a_field_that_every_event_has_is_refused(field):
    payload = msgspec.defstruct("Payload", [(field, str), ("text", str)])

    with pytest.raises(InvalidEventType, match=f"without the field {field}"):
        EventType("new_comment", payload)

    assert "new_comment" not in EventType.registry


def test_a_payload_is_judged_by_the_names_that_go_to_the_client():
    payload = msgspec.defstruct("Payload", [("kind", str)], rename={"kind": "type"})

    with pytest.raises(InvalidEventType, match="without the field type"):
        EventType("new_comment", payload)


@pytest.mark.parametrize("payload", [Comment, Renamed])
def test_a_second_event_type_of_a_name_is_refused_with_both_places(
    new_comment, payload
):
    with pytest.raises(AlreadyRegistered) as caught:
        EventType("new_comment", payload)

    assert event_type("new_comment") is new_comment
    assert caught.value.first == new_comment.declared_at
    assert caught.value.first != caught.value.second
    assert __file__ in caught.value.first
    assert __file__ in caught.value.second
    assert str(caught.value).count(__file__) == 2


def test_a_payload_may_be_its_struct(new_comment):
    valid = new_comment.validate(Comment(comment_id=1, text="Fine."))

    assert valid == {"comment_id": 1, "text": "Fine.", "score": 0.0, "extra": None}


def test_a_payload_may_be_a_mapping_without_what_has_a_default(new_comment):
    data = {"comment_id": 1, "text": "Fine."}

    assert new_comment.validate(data) == data


def test_a_payload_has_the_names_that_go_to_the_client():
    renamed = EventType("new_comment", Renamed)

    assert renamed.validate(Renamed(comment_id=1)) == {"commentId": 1}
    assert renamed.validate({"commentId": 1}) == {"commentId": 1}


@pytest.mark.parametrize(
    ("changed", "field", "problem"),
    [
        ({"comment_id": "1"}, "$.comment_id", "Expected `int`, got `str`"),
        ({"comment_id": None}, "$.comment_id", "Expected `int`, got `null`"),
        ({"text": 7}, "$.text", "Expected `str`, got `int`"),
        ({"score": []}, "$.score", "Expected `float`, got `array`"),
        ({"shape": "round"}, "shape", "does not have"),
        ({"uid": "forged"}, "uid", "does not have"),
        ({"text": "\ud800"}, "", "surrogates"),
        ({"text": "nothing\0"}, "", "NUL"),
        ({"score": math.nan}, "", "not JSON compliant"),
        ({"extra": [math.inf]}, "", "not JSON compliant"),
        ({"extra": object()}, "", "object"),
        ({"extra": {object(): 1}}, "", ""),
    ],
)  # fmt: skip
def test_a_payload_that_does_not_fit_is_refused(new_comment, changed, field, problem):
    data = {"comment_id": 1, "text": "Fine.", **changed}

    with pytest.raises(InvalidPayload) as caught:
        new_comment.validate(data)

    assert caught.value.event_type == "new_comment"
    assert caught.value.field == field
    assert problem in caught.value.problem


def test_a_payload_without_a_field_is_refused(new_comment):
    with pytest.raises(InvalidPayload, match="required field `text`"):
        new_comment.validate({"comment_id": 1})


@pytest.mark.parametrize("data", [None, 7, "text", [], [1, 2]])
def test_a_payload_that_is_no_object_is_refused(new_comment, data):
    with pytest.raises(InvalidPayload, match="Expected `object`"):
        new_comment.validate(data)


def test_a_payload_nested_too_deep_is_refused(new_comment):
    nested = []
    for _ in range(10_000):
        nested = [nested]

    with pytest.raises(InvalidPayload):
        new_comment.validate({"comment_id": 1, "text": "", "extra": nested})


def test_a_payload_may_be_as_large_as_the_limit(new_comment, settings):
    settings.NOTIFICATIONS = {"MAX_PAYLOAD_BYTES": 64}
    size = 64 - len('{"comment_id":1,"text":""}')

    assert new_comment.validate({"comment_id": 1, "text": "a" * size})


def test_a_payload_over_the_limit_is_refused_with_its_size(new_comment, settings):
    settings.NOTIFICATIONS = {"MAX_PAYLOAD_BYTES": 64}
    size = 65 - len('{"comment_id":1,"text":""}')

    with pytest.raises(InvalidPayload, match="65 bytes of JSON, expected at most 64"):
        new_comment.validate({"comment_id": 1, "text": "a" * size})


def test_the_limit_counts_bytes_not_characters(new_comment, settings):
    settings.NOTIFICATIONS = {"MAX_PAYLOAD_BYTES": 64}

    with pytest.raises(InvalidPayload, match="bytes of JSON"):
        new_comment.validate({"comment_id": 1, "text": "é" * 20})


def test_a_topic_stands_for_an_object_and_back(maja):
    assert topic_of(maja) == f"user:{maja.pk}"
    assert object_of(f"user:{maja.pk}") == maja


def test_a_topic_may_have_another_key_than_the_primary_one(db):
    espresso = Topic.objects.create(slug="espresso", name="Espresso")

    assert topic_of(espresso) == "topic:espresso"
    assert object_of("topic:espresso") == espresso


@pytest.mark.parametrize(
    "topic",
    ["user:999", "user:maja", "user:" + "9" * 30, "user:1.0", "topic:latte", "chat:1"],
)
def test_a_topic_that_stands_for_nothing_has_no_object(db, topic):
    assert object_of(topic) is None


@pytest.mark.parametrize("written", ["0{}", "{}_0", "00{}"])
def test_an_object_has_one_topic_and_no_other_spelling_of_it(db, written):
    User.objects.create_user("first", pk=1)
    User.objects.create_user("tenth", pk=10)

    assert object_of("user:" + written.format(1)) is None


def test_what_is_no_topic_stands_for_no_object():
    with pytest.raises(InvalidTopic):
        object_of("espresso")


def test_an_object_of_a_model_that_cannot_be_followed_has_no_topic(maja):
    level = Follow(user=maja, topic="user:7")

    with pytest.raises(NotFollowable) as caught:
        topic_of(level)

    assert caught.value.model is Follow


def test_a_kind_may_be_private():
    followable(Follow, kind="secret", public=False)

    assert not Followable.registry["secret"].public


@pytest.mark.parametrize("kind", ["", "Secret", "a b", "a:b"])
def test_a_kind_that_makes_no_topics_is_refused(kind):
    with pytest.raises(InvalidTopic):
        followable(Follow, kind=kind)

    assert kind not in Followable.registry


def test_an_object_of_an_inheriting_model_has_the_topic_of_its_model(maja):
    class Member(User):
        class Meta:
            proxy = True
            app_label = "qa"

    assert topic_of(Member.objects.get(pk=maja.pk)) == f"user:{maja.pk}"


def test_the_models_of_the_site_can_be_followed():
    models = {each.model for each in Followable.registry.values()}

    assert {User, Question, Topic} <= models


def test_a_follow_has_the_plain_level(maja):
    follow(maja, "user:7")

    (row,) = Follow.objects.filter(user=maja)
    assert (row.topic, row.level) == ("user:7", Level.FOLLOW)


@pytest.mark.parametrize("level", Level.values)
def test_a_follow_has_the_level_that_was_asked_for(maja, level):
    follow(maja, "user:7", level=level)

    assert Follow.objects.get(user=maja).level == level


def test_following_again_changes_the_level_and_not_since_when(maja):
    before = follow(maja, "user:7")

    after = follow(maja, "user:7", level=Level.WATCH)

    assert (after.pk, after.created) == (before.pk, before.created)
    assert Follow.objects.get(user=maja).level == Level.WATCH


def test_who_had_it_muted_follows_from_now(maja):
    before = follow(maja, "user:7", level=Level.MUTE)
    Follow.objects.update(created="2001-01-01T00:00:00Z")

    follow(maja, "user:7")

    assert Follow.objects.get(user=maja).created >= before.created


@pytest.mark.parametrize(
    ("topic", "level"), [("espresso", "follow"), ("user:7", "adore"), ("user:7", "")]
)
def test_a_follow_that_cannot_be_is_refused(maja, topic, level):
    with pytest.raises(ValidationError):
        follow(maja, topic, level=level)

    assert not Follow.objects.exists()


def test_a_follow_ends(maja):
    follow(maja, "user:7")
    follow(maja, "user:8")

    ended = unfollow(maja, "user:7")

    assert ended
    assert [each.topic for each in Follow.objects.all()] == ["user:8"]


def test_a_follow_that_is_not_there_cannot_end(maja):
    assert unfollow(maja, "user:7") is False


def test_nobody_ends_the_follow_of_another_person(maja):
    follow(maja, "user:7")

    unfollow(User.objects.create_user("tobias"), "user:7")

    assert Follow.objects.filter(user=maja).exists()
