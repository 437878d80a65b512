"""What the JSON Schema defines: names, descriptions and components."""

import subprocess
import sys

import msgspec
import pytest

from notifications.exceptions import InvalidEventType
from notifications.publishing.event_types import EventType
from notifications.schema.json_schema import RESERVED_TITLES, schema_of
from tests.schema.payloads import (
    Author,
    Comment,
    Page,
    Tree,
    is_valid,
    wire,
)


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
    assert [*schema_of([new_comment])["$defs"]] == [
        "Actor", "Author", "NewComment", "NotificationRetraction"
    ]  # fmt: skip


def test_indirectly_referenced_components_are_included(registry):
    thread = msgspec.defstruct("Thread", [("pages", Page[Comment])])
    nested = EventType("nested", msgspec.defstruct("Nested", [("thread", thread)]))

    titles = {*schema_of([nested])["$defs"]}

    assert titles == {
        "Actor", "Author", "Comment", "Nested", "NotificationRetraction", "PageComment",
        "Thread",
    }  # fmt: skip


def test_recursive_payload_is_also_a_component(registry):
    grown = EventType("tree", Tree)

    schema = schema_of([grown])

    assert [*schema["$defs"]] == [
        "Actor", "NotificationRetraction", "Tree", "TreeData"
    ]  # fmt: skip
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
    assert {"ElsewhereNotificationsAuthor", "TestsSchemaPayloadsAuthor"} <= {
        *schema["$defs"]
    }
    own = {"Actor", "NotificationRetraction"}
    assert not RESERVED_TITLES & {*schema["$defs"]} - own


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
