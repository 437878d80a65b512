"""Payloads of many types, and their events as clients read them."""

import enum
import json
from typing import Annotated, Generic, NamedTuple, TypedDict, TypeVar

import msgspec
from jsonschema import Draft202012Validator

from notifications.schema.json_schema import schema_of

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
