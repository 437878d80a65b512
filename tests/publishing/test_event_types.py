import math
from typing import Any

import msgspec
import pytest

from notifications.exceptions import (
    AlreadyRegistered,
    InvalidEventType,
    InvalidPayload,
    UnknownEventType,
)
from notifications.protocol.sse import RESERVED_NAMES
from notifications.publishing.event_types import WIRE_FIELDS, EventType, event_type

pytestmark = pytest.mark.usefixtures("registry")


class Comment(msgspec.Struct):
    comment_id: int
    text: str
    score: float = 0.0
    extra: Any = None


class Renamed(msgspec.Struct, rename="camel"):
    comment_id: int


@pytest.fixture
def registry(monkeypatch):
    """A copy of the registry, so that it forgets what a test registers."""
    monkeypatch.setattr(EventType, "registry", {**EventType.registry})


@pytest.fixture
def new_comment(registry):
    return EventType("new_comment", Comment, label="New comment")


def test_event_type_is_found_by_its_name(new_comment):
    assert event_type("new_comment") is new_comment


def test_unknown_name_is_rejected_with_the_known_names(new_comment):
    with pytest.raises(UnknownEventType) as caught:
        event_type("new_coment")

    assert caught.value.name == "new_coment"
    assert caught.value.known == sorted(EventType.registry)
    assert "new_comment" in str(caught.value)


@pytest.mark.parametrize(
    "name",
    ["", "New", "new-comment", "new comment", "1st", "_a", "é", "a\n", "a" * 64],
)
def test_invalid_name_is_rejected(name):
    with pytest.raises(InvalidEventType, match="a name such as new_comment"):
        EventType(name, Comment)

    assert name not in EventType.registry


@pytest.mark.parametrize("name", sorted(RESERVED_NAMES))
def test_reserved_name_is_rejected(name):
    with pytest.raises(InvalidEventType, match="not reserved"):
        EventType(name, Comment)

    assert name not in EventType.registry


@pytest.mark.parametrize("field", sorted(WIRE_FIELDS))
def test_payload_with_a_common_field_is_rejected(field):
    payload = msgspec.defstruct("Payload", [(field, str), ("text", str)])

    with pytest.raises(InvalidEventType, match=f"without the field {field}"):
        EventType("new_comment", payload)

    assert "new_comment" not in EventType.registry


def test_payload_is_checked_by_its_names_on_the_wire():
    payload = msgspec.defstruct("Payload", [("kind", str)], rename={"kind": "type"})

    with pytest.raises(InvalidEventType, match="without the field type"):
        EventType("new_comment", payload)


@pytest.mark.parametrize("payload", [Comment, Renamed])
def test_second_event_type_of_a_name_is_rejected_with_both_places(new_comment, payload):
    with pytest.raises(AlreadyRegistered) as caught:
        EventType("new_comment", payload)

    assert event_type("new_comment") is new_comment
    assert caught.value.first == new_comment.declared_at
    assert caught.value.first != caught.value.second
    assert __file__ in caught.value.first
    assert __file__ in caught.value.second
    assert str(caught.value).count(__file__) == 2


def test_payload_may_be_a_struct(new_comment):
    valid = new_comment.validate(Comment(comment_id=1, text="Fine."))

    assert valid == {"comment_id": 1, "text": "Fine.", "score": 0.0, "extra": None}


def test_payload_may_be_a_mapping_without_optional_fields(new_comment):
    data = {"comment_id": 1, "text": "Fine."}

    assert new_comment.validate(data) == data


def test_payload_has_its_names_on_the_wire():
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
def test_invalid_payload_is_rejected(new_comment, changed, field, problem):
    data = {"comment_id": 1, "text": "Fine.", **changed}

    with pytest.raises(InvalidPayload) as caught:
        new_comment.validate(data)

    assert caught.value.event_type == "new_comment"
    assert caught.value.field == field
    assert problem in caught.value.problem


def test_payload_without_a_required_field_is_rejected(new_comment):
    with pytest.raises(InvalidPayload, match="required field `text`"):
        new_comment.validate({"comment_id": 1})


@pytest.mark.parametrize("data", [None, 7, "text", [], [1, 2]])
def test_payload_that_is_not_an_object_is_rejected(new_comment, data):
    with pytest.raises(InvalidPayload, match="Expected `object`"):
        new_comment.validate(data)


def test_deeply_nested_payload_is_rejected(new_comment):
    nested = []
    for _ in range(10_000):
        nested = [nested]

    with pytest.raises(InvalidPayload):
        new_comment.validate({"comment_id": 1, "text": "", "extra": nested})


def test_payload_may_be_as_large_as_the_limit(new_comment, settings):
    settings.NOTIFICATIONS = {"MAX_PAYLOAD_BYTES": 64}
    size = 64 - len('{"comment_id":1,"text":""}')

    assert new_comment.validate({"comment_id": 1, "text": "a" * size})


def test_payload_over_the_limit_is_rejected_with_its_size(new_comment, settings):
    settings.NOTIFICATIONS = {"MAX_PAYLOAD_BYTES": 64}
    size = 65 - len('{"comment_id":1,"text":""}')

    with pytest.raises(InvalidPayload, match="65 bytes of JSON, expected at most 64"):
        new_comment.validate({"comment_id": 1, "text": "a" * size})


def test_limit_counts_bytes(new_comment, settings):
    settings.NOTIFICATIONS = {"MAX_PAYLOAD_BYTES": 64}

    with pytest.raises(InvalidPayload, match="bytes of JSON"):
        new_comment.validate({"comment_id": 1, "text": "é" * 20})
