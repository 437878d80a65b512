"""Recorded events are valid against the schema; other values are not."""

import datetime
import decimal
import enum
import json
import subprocess
import sys
import uuid
from typing import Annotated, Any, Generic, Literal, NamedTuple, TypedDict, TypeVar

import msgspec
import pytest
from django.contrib.auth.models import User
from hypothesis import example, given
from hypothesis import strategies as st
from jsonschema import Draft202012Validator

from notifications.exceptions import InvalidEventType, InvalidPayload
from notifications.publishing import outbox
from notifications.publishing.event_types import WIRE_FIELDS, EventType
from notifications.schema.json_schema import RESERVED_TITLES, schema_of
from notifications.testing import recorded_events
from project.qa.models import Answer, Question

T = TypeVar("T")


class Color(enum.Enum):
    """What it looks like."""

    RED = "red"
    BLUE = "blue"


class Size(enum.IntEnum):
    SMALL = 1
    LARGE = 2


class Author(msgspec.Struct):
    """Who wrote it.

    And a second paragraph.
    """

    name: str
    karma: int = 0


class Circle(msgspec.Struct, tag=True):
    radius: float


class Square(msgspec.Struct, tag=True):
    side: float


class Pair(msgspec.Struct, array_like=True):
    left: int
    right: int = 0


class Place(NamedTuple):
    x: int
    y: int = 0


class Tally(TypedDict, total=False):
    up: int


class Page(msgspec.Struct, Generic[T]):
    rows: list[T]


class Tree(msgspec.Struct):
    branches: list["Tree"] = []


class Comment(msgspec.Struct):
    """A comment on the wire."""

    comment_id: int
    text: Annotated[str, msgspec.Meta(description="As it was typed.", max_length=9)]
    author: Author | None = None


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


@pytest.fixture(scope="module", autouse=True)
def registry():
    """The registry; the types that this module registers are removed."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(EventType, "registry", {**EventType.registry})
        yield EventType.registry


@pytest.fixture(scope="module")
def new_comment(registry):
    return EventType("new_comment", Comment)


@pytest.fixture(scope="module")
def kinds(registry):
    """An event type for each type of KINDS, and a validator of their events."""
    made = [
        EventType(f"kind_{number}", msgspec.defstruct(f"Kind{number}", [("value", of)]))
        for number, (of, _value) in enumerate(KINDS)
    ]
    return made, Draft202012Validator(schema_of(made))


def wire(event_type, payload):
    """Return an event as a client reads it."""
    fields = {
        "uid": "87888384-2bd4-4adf-9838-12403756af88",
        "type": event_type.name,
        "topics": ["user:7"],
        "actor": None,
        "created": "2026-11-20T10:21:08.054+00:00",
    }
    return json.loads(json.dumps({**fields, **event_type.validate(payload)}))


def is_valid(event, *event_types):
    return Draft202012Validator(schema_of(event_types)).is_valid(event)


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


def test_docstrings_and_meta_become_descriptions(new_comment):
    defs = schema_of([new_comment])["$defs"]

    comment = defs["NewComment"]
    assert comment["description"] == "A comment on the wire."
    assert comment["properties"]["text"]["description"] == "As it was typed."
    # As `inspect.cleandoc` has it, whichever Python reads it.
    assert defs["Author"]["description"] == ("Who wrote it.\n\nAnd a second paragraph.")


@pytest.mark.parametrize(
    ("label", "description"), [("Thing done", "Thing done"), ("", "bare_thing")]
)
def test_payload_without_a_docstring_has_its_label_as_description(
    monkeypatch, label, description
):
    monkeypatch.setattr(EventType, "registry", {})
    bare = EventType("bare_thing", msgspec.defstruct("Bare", []), label=label)

    assert schema_of([bare])["$defs"]["BareThing"]["description"] == description


def test_unreferenced_components_are_left_out(new_comment):
    assert [*schema_of([new_comment])["$defs"]] == ["Actor", "Author", "NewComment"]


def test_indirectly_referenced_components_are_included(registry):
    thread = msgspec.defstruct("Thread", [("pages", Page[Comment])])
    nested = EventType("nested", msgspec.defstruct("Nested", [("thread", thread)]))

    titles = {*schema_of([nested])["$defs"]}

    assert titles == {
        "Actor", "Author", "Comment", "Nested", "PageComment", "Thread"
    }  # fmt: skip


def test_recursive_payload_is_also_a_component(registry):
    grown = EventType("tree", Tree)

    schema = schema_of([grown])

    assert [*schema["$defs"]] == ["Actor", "Tree", "TreeData"]
    assert is_valid(wire(grown, Tree([Tree()])), grown)


def test_titles_are_unique(registry):
    other = msgspec.defstruct("Author", [("id", int)], module="elsewhere.notifications")
    made = [
        EventType("a_1", msgspec.defstruct("A", [("by", Author)])),
        EventType("a1", msgspec.defstruct("B", [("by", other)])),
        EventType("actor", msgspec.defstruct("C", [])),
        EventType("record", msgspec.defstruct("D", [])),
    ]

    schema = schema_of(made)

    titles = [*schema["discriminator"]["mapping"].values()]
    assert titles == [
        "#/$defs/A1", "#/$defs/A1Data", "#/$defs/ActorData", "#/$defs/RecordData",
    ]  # fmt: skip
    assert {"ElsewhereNotificationsAuthor", "TestsSchemaTestJsonSchemaAuthor"} <= {
        *schema["$defs"]
    }
    assert not RESERVED_TITLES & {*schema["$defs"]} - {"Actor"}


def test_schema_does_not_depend_on_the_order_of_registration(kinds):
    made, validator = kinds

    schema = schema_of(reversed(made))

    assert json.dumps(schema) == json.dumps(validator.schema)


SETS = """
import django, json
django.setup()
import msgspec
from notifications.publishing.event_types import EventType
from notifications.schema.json_schema import schema_of
class Tagged(msgspec.Struct):
    tags: frozenset[str] | None = frozenset("abcdefgh")
print(json.dumps(schema_of([EventType("tagged_thing", Tagged)])))
"""


def test_default_of_a_set_has_the_same_order_in_each_process():
    found = {
        subprocess.run(
            [sys.executable, "-c", SETS],
            env={"DJANGO_SETTINGS_MODULE": "tests.settings", "PYTHONHASHSEED": seed},
            capture_output=True,
            check=True,
            timeout=60,
        ).stdout
        for seed in ("1", "2")
    }

    assert len(found) == 1


class Unknown:
    """What msgspec does not know."""


@pytest.mark.parametrize(
    ("payload", "problem"),
    [
        (msgspec.defstruct("Odd", [("a", Unknown)]), "is not supported"),
        (msgspec.defstruct("Row", [("a", int)], array_like=True), "an object"),
    ],
)
def test_payload_without_a_schema_raises(monkeypatch, payload, problem):
    monkeypatch.setattr(EventType, "registry", {})
    odd = EventType("odd_thing", payload)

    with pytest.raises(InvalidEventType, match=f"'odd_thing'.*{problem}"):
        schema_of([odd])
