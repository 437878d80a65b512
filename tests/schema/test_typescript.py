"""TypeScript from schemas: types, declarations and comments."""

import datetime
import decimal
import re
import uuid
from pathlib import Path
from typing import Annotated, Any, Literal

import msgspec
import pytest
from msgspec import Meta

import notifications
from notifications.publishing.event_types import EventType
from notifications.schema.json_schema import schema_of
from notifications.schema.typescript import (
    OWN_TYPES,
    declaration,
    declarations,
    type_of,
)
from tests.schema.payloads import Circle, Color, Place, Size, Square, Tally

STATIC = Path(notifications.__file__).parent / "static" / "notifications"
# The declarations of two event types.
EXPECTED = Path(__file__).parent / "expected.d.ts"


class Author(msgspec.Struct):
    """Who wrote it."""

    name: str
    karma: int = 0


class Pair(msgspec.Struct, array_like=True):
    left: int
    right: int | None = None


class Comment(msgspec.Struct):
    """A comment on the wire."""

    comment_id: int
    text: Annotated[str, Meta(description="As it was typed.")]
    author: Author | None = None
    color: Color = Color.RED
    edited: Annotated[bool, Meta(description="By its author.")] = False


@pytest.fixture(autouse=True)
def registry(monkeypatch):
    monkeypatch.setattr(EventType, "registry", {})


def described(of):
    """Return the schema of a field of this type, and all definitions."""
    payload = msgspec.defstruct("Thing", [("value", of)])
    defs = schema_of([EventType("new_thing", payload)])["$defs"]
    return defs["NewThing"]["properties"]["value"], defs


@pytest.mark.parametrize(
    ("of", "expected"),
    [
        (bool, "boolean"),
        (int, "number"),
        (float, "number"),
        (Annotated[int, Meta(ge=1)], "number"),
        (str, "string"),
        (bytes, "string"),
        (None, "null"),
        (Any, "unknown"),
        (datetime.datetime, "string"),
        (datetime.date, "string"),
        (datetime.time, "string"),
        (datetime.timedelta, "string"),
        (uuid.UUID, "string"),
        (decimal.Decimal, "string | number"),
        (Color, "Color"),
        (Literal["b", "a"], '"a" | "b"'),
        (Literal["a", 1, None], '1 | "a" | null'),
        (int | None, "number | null"),
        (int | str | None, "number | string | null"),
        (int | float, "number"),
        (list, "unknown[]"),
        (list[int], "number[]"),
        (list[int | None], "(number | null)[]"),
        (list[Author], "Author[]"),
        (list[list[str]], "string[][]"),
        (set[int], "number[]"),
        (frozenset[str], "string[]"),
        (tuple, "unknown[]"),
        (tuple[()], "[]"),
        (tuple[int, str | None], "[number, (string | null)]"),
        (tuple[int, ...], "number[]"),
        (dict, "Record<string, unknown>"),
        (dict[str, int], "Record<string, number>"),
        (dict[int, Color | None], "Record<string, Color | null>"),
        (list[dict[str, int]], "Record<string, number>[]"),
        (Author, "Author"),
        (Author | None, "Author | null"),
        (Circle | Square, "Circle | Square"),
        (Circle | Square | str | None, "string | Circle | Square | null"),
        (Annotated[Any, Meta(extra_json_schema={"type": "odd"})], "unknown"),
        (
            Annotated[dict, Meta(extra_json_schema={"properties": {"a": {}}})],
            "{ a?: unknown; }",
        ),
    ],
    ids=str,
)
def test_type_is_translated(of, expected):
    schema, _defs = described(of)

    assert type_of(schema) == expected


@pytest.mark.parametrize(
    ("of", "expected"),
    [
        (Color, '/** What it looks like. */\nexport type Color = "blue" | "red";\n'),
        (Size, "export type Size = 1 | 2;\n"),
        (Pair, "export type Pair = [number, (number | null)?, ...unknown[]];\n"),
        (Place, "export type Place = [number, number?];\n"),
        (Tally, "export interface Tally {\n  up?: number;\n}\n"),
        (
            Circle | Square,
            'export interface Circle {\n  type: "Circle";\n  radius: number;\n}\n',
        ),
        (
            Author,
            "/** Who wrote it. */\nexport interface Author {\n  name: string;\n"
            "  /** @default 0 */\n  karma?: number;\n}\n",
        ),
    ],
    ids=str,
)
def test_referenced_type_is_declared(of, expected):
    _schema, defs = described(of)
    others = defs.keys() - {"Actor", "NewThing", "NotificationRetraction", "Square"}

    (name,) = others

    assert declaration(name, defs[name]) == expected


@pytest.mark.parametrize(("schema", "expected"), [(True, "unknown"), (False, "never")])
def test_boolean_schema_is_translated(schema, expected):
    assert type_of(schema) == expected


def test_name_that_is_not_an_identifier_is_quoted():
    schema = {
        "properties": {"a-b": {}, "$c": {}, 'say "d"': {}, "é": {}},
        "required": ["a-b"],
    }

    assert declaration("Odd", schema) == (
        "export interface Odd {\n"
        '  "a-b": unknown;\n'
        "  $c?: unknown;\n"
        '  "say \\"d\\""?: unknown;\n'
        '  "é"?: unknown;\n'
        "}\n"
    )


def test_text_cannot_end_a_comment():
    schema = {"type": "string", "description": "Not */ yet.\n\nNor \u2028*/ here."}

    expected = declaration("Sly", schema)

    assert expected.count("*/") == 1
    assert all(line.startswith((" *", "/**")) for line in expected.splitlines()[:-1])


def test_comment_has_format_and_default():
    schema = {
        "properties": {
            "due": {
                "title": "When",
                "type": "string",
                "format": "date",
                "default": "2026-11-20",
            }
        }
    }

    assert declaration("Task", schema) == (
        "export interface Task {\n"
        "  /**\n"
        "   * When\n"
        "   * @format date\n"
        '   * @default "2026-11-20"\n'
        "   */\n"
        "  due?: string;\n"
        "}\n"
    )


def test_hand_written_types_of_the_scripts_are_the_same():
    """TypeScript refuses two files that declare an event differently."""
    assert OWN_TYPES in (STATIC / "main.d.ts").read_text()


def test_declared_elements_are_the_defined_ones():
    features = re.findall(r'import\("./([^"]+)"', (STATIC / "features.js").read_text())
    names = ["main.js", *features]
    scripts = "".join((STATIC / name).read_text() for name in names)
    tags = (STATIC / "main.d.ts").read_text().partition("HTMLElementTagNameMap")[2]

    declared = re.findall(r'"([\w-]+)": HTMLElement;', tags)

    assert {*declared} == {*re.findall(r'customElements\.define\("([\w-]+)"', scripts)}


def test_declarations_of_several_event_types():
    schema = schema_of(
        [
            EventType("new_comment", Comment),
            EventType("comment_gone", msgspec.defstruct("Gone", [("comment_id", int)])),
        ]
    )

    assert declarations(schema) == EXPECTED.read_text()
