"""The JSON Schema (2020-12) of what clients get, made of the payloads' structs. Pure.

https://json-schema.org/draft/2020-12/json-schema-core
"""

import inspect
import re
from collections.abc import Iterable, Iterator
from typing import Any

import msgspec

from notifications.exceptions import InvalidEventType
from notifications.publishing.event_types import EventType

Schema = dict[str, Any]

DIALECT = "https://json-schema.org/draft/2020-12/schema"
REF = "#/$defs/"
# Titles that mean something else in the TypeScript that is made of the schema.
RESERVED_TITLES = frozenset({
    "Actor", "CustomEvent", "Record", "NotificationCount", "NotificationEvent",
    "NotificationEventMap", "NotificationEventTypes", "NotificationReset",
    "NotificationTypes",
})  # fmt: skip

# The keywords that hold other schemas: one, several in a row, several by name.
_ONE = ("additionalProperties", "items", "propertyNames")
_ROW = ("allOf", "anyOf", "oneOf", "prefixItems")
_NAMED = ("properties", "patternProperties")

_ACTOR: Schema = {
    "title": "Actor",
    "description": "The user who did it.",
    "type": "object",
    "properties": {
        "id": {"type": ["integer", "string"]},
        "name": {"description": "The username.", "type": "string"},
    },
    "required": ["id", "name"],
}
_WIRE: dict[str, Schema] = {
    "uid": {
        "description": "The same event never has another one.",
        "type": "string",
        "format": "uuid",
    },
    "type": {"description": "The name of the event type."},
    "topics": {
        "description": "The topics it is addressed to.",
        "type": "array",
        "items": {"type": "string"},
    },
    "actor": {
        "description": "Who did it, or null when that is nobody or not told.",
        "anyOf": [{"$ref": f"{REF}Actor"}, {"type": "null"}],
    },
    "created": {
        "description": "When it was recorded.",
        "type": "string",
        "format": "date-time",
    },
}


def schema_of(event_types: Iterable[EventType]) -> Schema:
    """Return the schema that every event of these types fits, as clients get it.

    Raises InvalidEventType for a payload that no schema can describe.
    """
    ordered = sorted(event_types, key=lambda each: each.name)
    payloads, parts = _described(ordered)
    titles = _titles([each.name for each in ordered], taken=RESERVED_TITLES)
    part_titles = _titles(sorted(parts), taken={*RESERVED_TITLES, *titles.values()})
    for node in _nodes_of(parts.values()):
        _correct(node, part_titles)
    events = {
        titles[each.name]: _event(each, payload=payload, title=titles[each.name])
        for each, payload in zip(ordered, payloads, strict=True)
    }
    named = {part_titles[name]: part for name, part in parts.items()}
    defs = {"Actor": _ACTOR, **events, **_used(events.values(), named)}
    return {
        "$schema": DIALECT,
        "title": "NotificationEvent",
        "description": "Any event; its `type` tells which.",
        "oneOf": [{"$ref": REF + title} for title in titles.values()],
        "discriminator": {
            "propertyName": "type",
            "mapping": {name: REF + title for name, title in titles.items()},
        },
        "$defs": dict(sorted(defs.items())),
    }


def nodes(schema: Any) -> Iterator[Schema]:
    """Yield a schema and every schema in it; True and False are none."""
    if not isinstance(schema, dict):
        return
    yield schema
    yield from _nodes_of(schema[key] for key in _ONE if key in schema)
    for key in _ROW:
        yield from _nodes_of(schema.get(key, ()))
    for key in _NAMED:
        yield from _nodes_of(schema.get(key, {}).values())


def _nodes_of(schemas: Iterable[Any]) -> Iterator[Schema]:
    for schema in schemas:
        yield from nodes(schema)


def _described(event_types: list[EventType]) -> tuple[list[Schema], dict[str, Schema]]:
    """Return the schema of each payload, and all the parts, by msgspec's names."""
    for each in event_types:
        _check(each)
    refs, parts = msgspec.json.schema_components(
        [each.payload for each in event_types], ref_template="{name}"
    )
    return [parts[ref["$ref"]] for ref in refs], parts


def _check(event_type: EventType) -> None:
    """Raise InvalidEventType for a payload that no schema can describe."""
    try:
        (ref,), parts = msgspec.json.schema_components(
            [event_type.payload], ref_template="{name}"
        )
    except TypeError as error:
        problem = str(error).splitlines()[-1]
        raise InvalidEventType(
            event_type.name, expected=f"a payload that JSON can hold: {problem}"
        ) from error
    if parts[ref["$ref"]]["type"] != "object":
        raise InvalidEventType(
            event_type.name, expected="a payload that is an object as JSON"
        )


def _event(event_type: EventType, *, payload: Schema, title: str) -> Schema:
    """Return the schema of an event: the fields of every event, then the payload's."""
    # Without the tag of a tagged struct, which payloads do not have.
    fields = {*event_type.payload.__struct_encode_fields__}
    own = {name: each for name, each in payload["properties"].items() if name in fields}
    label = event_type.label or event_type.name
    schema = {
        **payload,
        "title": title,
        "description": payload.get("description") or str(label),
        "properties": {**_WIRE, **own},
        "required": [*_WIRE, *(name for name in payload["required"] if name in own)],
    }
    schema["properties"]["type"] = {**_WIRE["type"], "const": event_type.name}
    return schema


def _titles(names: Iterable[str], *, taken: Iterable[str]) -> dict[str, str]:
    """Return a title for each name: new_comment is NewComment, and none is twice."""
    titles: dict[str, str] = {}
    used = {*taken}
    for name in names:
        title = _pascal_case(name)
        while title in used:
            title += "Data"
        used.add(title)
        titles[name] = title
    return titles


def _pascal_case(name: str) -> str:
    words = re.findall(r"[A-Za-z0-9]+", name)
    title = "".join(word[0].upper() + word[1:] for word in words)
    return title if title[:1].isalpha() else f"_{title}"


def _correct(node: Schema, titles: dict[str, str]) -> None:
    """Change what msgspec says of a type to what events of it are on the wire."""
    if "$ref" in node:
        node["$ref"] = REF + titles[node["$ref"]]
    if "discriminator" in node:
        mapping = node["discriminator"]["mapping"]
        mapping.update({tag: REF + titles[name] for tag, name in mapping.items()})
    # Python dedents docstrings itself from 3.13 on.
    if "description" in node:
        node["description"] = inspect.cleandoc(node["description"])
    # A set's order is another one in each process.
    if isinstance(node.get("default"), list) and _is_set(node):
        node["default"].sort(key=msgspec.json.encode)
    # A payload that is given as a dict is kept as it was: the list for a set may repeat
    # itself, and a Decimal may be a number.
    node.pop("uniqueItems", None)
    if node.get("format") == "decimal":
        node["type"] = ["string", "number"]


def _is_set(node: Schema) -> bool:
    return any(
        "uniqueItems" in each for each in [node, *_nodes_of(node.get("anyOf", ()))]
    )


def _used(schemas: Iterable[Schema], parts: dict[str, Schema]) -> dict[str, Schema]:
    """Return the parts that the schemas refer to, by way of others, too."""
    used: dict[str, Schema] = {}
    waiting = [*_nodes_of(schemas)]
    while waiting:
        title = waiting.pop().get("$ref", "").removeprefix(REF)
        if title in parts and title not in used:
            used[title] = parts[title]
            waiting += nodes(parts[title])
    return used
