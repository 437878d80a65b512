"""Recorded events are valid against the schema; other values are not."""

import datetime
import decimal
import json
import uuid
from typing import Any, Literal

import msgspec
import pytest
from hypothesis import example, given
from hypothesis import strategies as st
from jsonschema import Draft202012Validator

from notifications.exceptions import InvalidPayload
from notifications.publishing import outbox
from notifications.publishing.event_types import WIRE_FIELDS, EventType
from notifications.schema.json_schema import schema_of
from notifications.testing import recorded_events
from project.qa.models import Answer, Question
from tests.schema.payloads import (
    Author,
    Circle,
    Color,
    Comment,
    Page,
    Pair,
    Place,
    Size,
    Square,
    Tally,
    Tree,
    is_valid,
    wire,
)
from tests.users import User

# A value of each type that a payload may have.
KINDS = [
    (bool, True),
    (int, 7),
    (float, 0.5),
    (str, "a"),
    (None, None),
    (Any, {"any": ["thing"]}),
    (bytes, b"abc"),
    (datetime.datetime, datetime.datetime(2026, 11, 20, tzinfo=datetime.UTC)),
    (datetime.datetime, datetime.datetime(2026, 11, 20)),
    (datetime.date, datetime.date(2026, 11, 20)),
    (datetime.time, datetime.time(12, 30)),
    (datetime.timedelta, datetime.timedelta(days=1, seconds=2)),
    (uuid.UUID, uuid.uuid4()),
    (decimal.Decimal, decimal.Decimal("1.50")),
    (Color, Color.RED),
    (Size, Size.LARGE),
    (Literal["a", 1, None], 1),
    (list[int], [1, 2]),
    (list[Author], [Author("ada")]),
    (set[int], {1, 2}),
    (frozenset[str], frozenset({"a"})),
    (tuple[int, str], (1, "a")),
    (tuple[int, ...], (1, 2, 3)),
    (tuple[()], ()),
    (dict[str, int], {"a": 1}),
    (dict[int, Color], {1: Color.BLUE}),
    (Author, Author("ada")),
    (Author | None, None),
    (Circle | Square, Square(2)),
    (Circle | Square | str | None, "round"),
    (Pair, Pair(1)),
    (Place, Place(1)),
    (Tally, {}),
    (Page[int], Page([1])),
    (Page[Author], Page([Author("ada")])),
    (Tree, Tree([Tree(), Tree([Tree()])])),
    (int | str | None, "a"),
]


@pytest.fixture(scope="module")
def kinds(registry):
    """An event type for each type of KINDS, and a validator of their events."""
    made = [
        EventType(f"kind_{number}", msgspec.defstruct(f"Kind{number}", [("value", of)]))
        for number, (of, _value) in enumerate(KINDS)
    ]
    return made, Draft202012Validator(schema_of(made))


def test_schema_is_valid(kinds):
    _made, validator = kinds

    Draft202012Validator.check_schema(validator.schema)


@pytest.mark.parametrize(
    ("number", "value"), [*enumerate(value for _of, value in KINDS)]
)
def test_payload_given_as_a_struct_is_valid(kinds, number, value):
    made, validator = kinds
    each = made[number]

    event = wire(each, each.payload(value=value))

    validator.validate(event)


ANYTHING = st.recursive(
    st.none()
    | st.booleans()
    | st.integers(-3, 3)
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.sampled_from(["", "a", "red", "1.5", "YWJj", "2026-11-20", "P1D", "Circle"]),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(
            st.sampled_from(
                ["a", "1", "name", "radius", "rows", "type", "up", "branches"]
            ),
            inner,
            max_size=3,
        )
    ),
    max_leaves=6,
)


@given(value=ANYTHING)
@example(value=1.5)
@example(value=[1, 1])
@example(value={"name": "ada", "more": 1})
@example(value=[1, 2, 3])
def test_payload_accepted_as_a_dict_is_valid(kinds, value):
    made, validator = kinds
    for each in made:
        try:
            event = wire(each, {"value": value})
        except InvalidPayload:
            continue
        validator.validate(event)


def test_refused_payload_is_invalid(kinds):
    made, validator = kinds
    text, number = made[3], made[1]

    assert not validator.is_valid({**wire(text, {"value": "a"}), "value": 1})
    assert not validator.is_valid({**wire(number, {"value": 1}), "value": "a"})


@pytest.mark.django_db(transaction=True)
def test_recorded_events_of_the_site_are_valid():
    ada = User.objects.create_user("ada")
    with recorded_events() as events:
        asked = Question.objects.create(title="Why?", body="So.", author=ada)
        Answer.objects.create(question=asked, body="Because.", author=ada)
        outbox.record(
            EventType.registry["new_question"],
            topics=["user:7"],
            payload={"question_id": 1, "title": "", "url": ""},
        )

    validator = Draft202012Validator(
        schema_of(EventType.registry.values()),
        format_checker=Draft202012Validator.FORMAT_CHECKER,
    )
    assert {event.type for event in events} == {"new_question", "new_answer"}
    for event in events:
        validator.validate(json.loads(msgspec.json.encode(event.wire())))


@pytest.mark.parametrize("field", sorted(WIRE_FIELDS | {"comment_id", "text"}))
def test_event_without_a_required_field_is_invalid(new_comment, field):
    event = wire(new_comment, Comment(1, "Nice."))
    assert is_valid(event, new_comment)

    del event[field]

    assert not is_valid(event, new_comment)


@pytest.mark.parametrize(
    "changed",
    [
        {"uid": 7},
        {"type": "new_answer"},
        {"topics": "user:7"},
        {"topics": [7]},
        {"actor": "ada"},
        {"actor": {"id": 1.5, "name": "ada"}},
        {"actor": {"id": 1}},
        {"created": 1795170066737},
        {"comment_id": "1"},
        {"text": "longer than nine"},
        {"author": {"karma": 1}},
    ],
    ids=str,
)
def test_event_with_an_invalid_field_is_invalid(new_comment, changed):
    event = wire(new_comment, Comment(1, "Nice."))

    assert not is_valid({**event, **changed}, new_comment)


@pytest.mark.parametrize("key", [7, "6f9a3c"])
def test_id_of_an_actor_is_a_number_or_a_string(new_comment, key):
    event = wire(new_comment, Comment(1, "Nice."))

    assert is_valid({**event, "actor": {"id": key, "name": "ada"}}, new_comment)


def test_field_with_a_default_is_optional(new_comment):
    event = wire(new_comment, {"comment_id": 1, "text": "Nice."})

    assert "author" not in event
    assert is_valid(event, new_comment)


def test_unset_field_is_left_out(registry):
    fields = [("a", int | msgspec.UnsetType, msgspec.UNSET)]
    unset = EventType("unset", msgspec.defstruct("Unset", fields))

    event = wire(unset, unset.payload())

    assert "a" not in event
    assert is_valid(event, unset)


def test_unknown_field_is_valid(new_comment):
    event = {**wire(new_comment, Comment(1, "Nice.")), "likes": 3}

    assert is_valid(event, new_comment)


def test_payload_can_forbid_unknown_fields(registry):
    closed = EventType(
        "closed",
        msgspec.defstruct("Closed", [("a", int)], forbid_unknown_fields=True),
    )
    event = wire(closed, {"a": 1})

    assert is_valid(event, closed)
    assert not is_valid({**event, "b": 1}, closed)


def test_fields_have_their_names_on_the_wire(registry):
    renamed = EventType(
        "renamed", msgspec.defstruct("Renamed", [("comment_id", int)], rename="camel")
    )

    described = schema_of([renamed])["$defs"]["Renamed"]

    assert "commentId" in described["required"]
    assert "comment_id" not in described["properties"]


def test_payload_has_no_tag(registry):
    """It is not a member of a union, and `validate` takes none."""
    tagged = EventType(
        "tagged", msgspec.defstruct("Tagged", [("a", int)], tag_field="kind")
    )
    event = wire(tagged, {"a": 1})

    assert is_valid(event, tagged)
    assert "kind" not in schema_of([tagged])["$defs"]["Tagged"]["properties"]


def test_schema_does_not_depend_on_the_order_of_registration(kinds):
    made, validator = kinds

    schema = schema_of(reversed(made))

    assert json.dumps(schema) == json.dumps(validator.schema)
