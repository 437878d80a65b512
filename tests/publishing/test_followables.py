import pytest
from django.core.exceptions import ValidationError

from notifications.api import Actor
from notifications.exceptions import AlreadyRegistered, InvalidTopic, NotFollowable
from notifications.models import Follow, Level
from notifications.publishing.followables import (
    Followable,
    follow,
    followable,
    labels_of,
    object_of,
    public_topics,
    topic_of,
    unfollow,
)
from project.qa.models import Question, Topic
from tests.users import User

pytestmark = pytest.mark.usefixtures("registry")


@pytest.fixture
def registry(monkeypatch):
    """A copy of the registry, so that it forgets what a test registers."""
    monkeypatch.setattr(Followable, "registry", {**Followable.registry})


def test_object_has_a_topic_and_a_topic_an_object(maja):
    assert topic_of(maja) == f"user:{maja.pk}"
    assert object_of(f"user:{maja.pk}") == maja


def test_topic_may_use_another_unique_field_as_key(db):
    espresso = Topic.objects.create(slug="espresso", name="Espresso")

    assert topic_of(espresso) == "topic:espresso"
    assert object_of("topic:espresso") == espresso


@pytest.mark.parametrize(
    "topic",
    ["user:999", "user:maja", "user:" + "9" * 30, "user:1.0", "topic:latte", "chat:1"],
)
def test_unknown_topic_has_no_object(db, topic):
    assert object_of(topic) is None


@pytest.mark.parametrize("written", ["0{}", "{}_0", "00{}"])
def test_another_spelling_of_a_key_has_no_object(db, written):
    User.objects.create_user("first", pk=1)
    User.objects.create_user("tenth", pk=10)

    assert object_of("user:" + written.format(1)) is None


def test_invalid_topic_has_no_object():
    with pytest.raises(InvalidTopic):
        object_of("espresso")


def test_object_of_another_model_has_no_topic(maja):
    row = Follow(user=maja, topic="user:7")

    with pytest.raises(NotFollowable) as caught:
        topic_of(row)

    assert caught.value.model is Follow


def test_kind_is_private_unless_it_is_public(maja):
    followable(Follow, kind="secret")
    followable(Follow, kind="open", public=True)

    for user in (None, maja):
        assert not public_topics(user, "secret:1")
        assert not public_topics(user, "secret:*")
        assert public_topics(user, "open:1")


@pytest.mark.parametrize(
    ("model", "options"),
    [
        (User, {}),
        (User, {"key": User.USERNAME_FIELD}),
        (Follow, {}),
        (User, {"public": True}),
    ],
    ids=["the same", "another key", "another model", "private"],
)
def test_second_registration_of_a_kind_is_rejected_with_both_places(model, options):
    followable(User, kind="member")
    first = Followable.registry["member"]

    with pytest.raises(AlreadyRegistered, match="topic kind member") as caught:
        followable(model, kind="member", **options)

    assert Followable.registry["member"] is first
    assert caught.value.first == first.declared_at
    assert caught.value.first != caught.value.second
    assert str(caught.value).count(__file__) == 2


@pytest.mark.parametrize("kind", ["", "Secret", "a b", "a:b"])
def test_invalid_kind_is_rejected(kind):
    with pytest.raises(InvalidTopic):
        followable(Follow, kind=kind)

    assert kind not in Followable.registry


@pytest.fixture
def noun():
    """What a user is called."""
    return User._meta.verbose_name


def test_labels_name_the_model_and_the_object(maja, noun):
    espresso = Topic.objects.create(slug="espresso", name="Espresso")

    labels = labels_of(["topic:espresso", "topic:latte", f"user:{maja.pk}", "chat:1"])

    assert labels == {
        topic_of(espresso): "topic Espresso",
        topic_of(maja): f"{noun} maja",
    }


def test_invalid_key_leaves_the_labels_of_others(maja, noun):
    assert labels_of(["user:maja", f"user:{maja.pk}"]) == {
        f"user:{maja.pk}": f"{noun} maja"
    }


def test_label_of_a_user_is_the_name_that_others_see(maja, settings):
    settings.NOTIFICATIONS = {
        **settings.NOTIFICATIONS,
        "ACTOR": lambda users: {user.pk: Actor("M.") for user in users},
    }

    [label] = labels_of([topic_of(maja)]).values()

    assert label.endswith(" M.")


def test_object_of_a_proxy_model_has_the_topic_of_its_model(maja):
    class Member(User):
        class Meta:
            proxy = True
            app_label = "qa"

    assert topic_of(Member.objects.get(pk=maja.pk)) == f"user:{maja.pk}"


def test_models_of_the_site_are_followable():
    models = {found.model for found in Followable.registry.values()}

    assert {User, Question, Topic} <= models


def test_default_level_is_follow(maja):
    follow(maja, "user:7")

    (row,) = Follow.objects.filter(user=maja)
    assert (row.topic, row.level) == ("user:7", Level.FOLLOW)


@pytest.mark.parametrize("level", Level.values)
def test_follow_has_the_given_level(maja, level):
    follow(maja, "user:7", level=level)

    assert Follow.objects.get(user=maja).level == level


def test_new_level_keeps_the_time_of_a_follow(maja):
    before = follow(maja, "user:7")

    after = follow(maja, "user:7", level=Level.WATCH)

    assert (after.pk, after.created) == (before.pk, before.created)
    assert Follow.objects.get(user=maja).level == Level.WATCH


def test_follow_after_a_mute_begins_now(maja):
    before = follow(maja, "user:7", level=Level.MUTE)
    Follow.objects.update(created="2001-01-01T00:00:00Z")

    follow(maja, "user:7")

    assert Follow.objects.get(user=maja).created >= before.created


@pytest.mark.parametrize(
    ("topic", "level"), [("espresso", "follow"), ("user:7", "adore"), ("user:7", "")]
)
def test_invalid_topic_or_level_is_rejected(maja, topic, level):
    with pytest.raises(ValidationError):
        follow(maja, topic, level=level)

    assert not Follow.objects.exists()


def test_unfollow_ends_one_follow(maja):
    follow(maja, "user:7")
    follow(maja, "user:8")

    ended = unfollow(maja, "user:7")

    assert ended
    assert [row.topic for row in Follow.objects.all()] == ["user:8"]


def test_unfollow_says_that_there_was_no_follow(maja):
    assert unfollow(maja, "user:7") is False


def test_unfollow_keeps_the_follows_of_other_people(maja):
    follow(maja, "user:7")

    unfollow(User.objects.create_user("tobias"), "user:7")

    assert Follow.objects.filter(user=maja).exists()


def test_follow_that_keeps_leaves_a_mute_and_a_watch_alone(maja):
    for level in (Level.MUTE, Level.WATCH):
        follow(maja, "topic:tea", level=level)

        kept = follow(maja, "topic:tea", keep=True)

        assert kept.level == level
    assert follow(maja, "topic:milk", keep=True).level == Level.FOLLOW


def test_kind_has_a_label_of_its_own(maja):
    followable(User, kind="personal_test", label="notices to you")

    assert labels_of([f"personal_test:{maja.pk}"]) == {
        f"personal_test:{maja.pk}": "notices to you"
    }
    assert topic_of(maja) == f"user:{maja.pk}"
