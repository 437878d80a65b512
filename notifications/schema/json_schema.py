"""Generates the JSON Schema (2020-12) of the events on the wire; does no I/O.

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
# Names with another meaning in the TypeScript that is generated from the schema.
RESERVED_TITLES = frozenset({
    "Actor", "CustomEvent", "Record", "NotificationCount", "NotificationEvent",
    "NotificationEventMap", "NotificationEventTypes", "NotificationReset",
    "NotificationRetraction", "NotificationTypes",
})  # fmt: skip

# Keywords with subschemas: a single one, a list, and a dict by name.
_SINGLE = ("additionalProperties", "items", "propertyNames")
_LISTS = ("allOf", "anyOf", "oneOf", "prefixItems")
_DICTS = ("properties", "patternProperties")

_ACTOR: Schema = {
    "title": "Actor",
    "description": "The user who caused the event.",
    "type": "object",
    "properties": {
        "id": {"type": ["integer", "string"]},
        "name": {"description": "The name to show.", "type": "string"},
        "url": {"description": "A page about the user.", "type": "string"},
        "avatar": {"description": "The URL of a picture.", "type": "string"},
    },
    "required": ["id", "name"],
}
_WIRE: dict[str, Schema] = {
    "uid": {
        "description": "The unique id of the event.",
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
        "description": "The user who caused the event, or null.",
        "anyOf": [{"$ref": f"{REF}Actor"}, {"type": "null"}],
    },
    "created": {
        "description": "When it was recorded.",
        "type": "string",
        "format": "date-time",
    },
}

# What clients get as the data of `retracted`, which has nothing of the payload.
_RETRACTION: Schema = {
    "title": "NotificationRetraction",
    "description": "An event was retracted: remove what you show of it.",
    "type": "object",
    "properties": {
        "uid": _WIRE["uid"],
        "type": {**_WIRE["type"], "type": "string"},
        "topics": _WIRE["topics"],
    },
    "required": ["uid", "type", "topics"],
}


def schema_of(event_types: Iterable[EventType]) -> Schema:
    """Return the schema of all events of these types, as clients receive them.

    Raises InvalidEventType for a payload that has no JSON Schema.
    """
    ordered = sorted(event_types, key=lambda each: each.name)
    payloads, parts = _components(ordered)
    titles = _titles([each.name for each in ordered], taken=RESERVED_TITLES)
    part_titles = _titles(sorted(parts), taken={*RESERVED_TITLES, *titles.values()})
    for node in _nodes_of(parts.values()):
        _correct(node, part_titles)
    events = {
        titles[each.name]: _event(each, payload=payload, title=titles[each.name])
        for each, payload in zip(ordered, payloads, strict=True)
    }
    named = {part_titles[name]: part for name, part in parts.items()}
    defs = {
        "Actor": _ACTOR,
        "NotificationRetraction": _RETRACTION,
        **events,
        **_used(events.values(), named),
    }
    return {
        "$schema": DIALECT,
        "title": "NotificationEvent",
        "description": "Any event; `type` tells them apart.",
        "oneOf": [{"$ref": REF + title} for title in titles.values()],
        "discriminator": {
            "propertyName": "type",
            "mapping": {name: REF + title for name, title in titles.items()},
        },
        "$defs": dict(sorted(defs.items())),
    }


def nodes(schema: Any) -> Iterator[Schema]:
    """Yield a schema and all its subschemas, but not the schemas True and False."""
    if not isinstance(schema, dict):
        return
    yield schema
    yield from _nodes_of(schema[key] for key in _SINGLE if key in schema)
    for key in _LISTS:
        yield from _nodes_of(schema.get(key, ()))
    for key in _DICTS:
        yield from _nodes_of(schema.get(key, {}).values())


def _nodes_of(schemas: Iterable[Any]) -> Iterator[Schema]:
    for schema in schemas:
        yield from nodes(schema)


def _components(event_types: list[EventType]) -> tuple[list[Schema], dict[str, Schema]]:
    """Return the schema of each payload, and all components by msgspec's names."""
    for each in event_types:
        _check(each)
    refs, parts = msgspec.json.schema_components(
        [each.payload for each in event_types], ref_template="{name}"
    )
    return [parts[ref["$ref"]] for ref in refs], parts


def _check(event_type: EventType) -> None:
    """Raise InvalidEventType for a payload that has no JSON Schema."""
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
    # Leaves out the tag of a tagged struct, which is not part of payloads.
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
    """Return a unique title for each name, as NewComment for new_comment."""
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
    """Adapt msgspec's schema of a type to the events on the wire."""
    if "$ref" in node:
        node["$ref"] = REF + titles[node["$ref"]]
    if "discriminator" in node:
        mapping = node["discriminator"]["mapping"]
        mapping.update({tag: REF + titles[name] for tag, name in mapping.items()})
    # Python 3.13 and later dedent docstrings themselves.
    if "description" in node:
        node["description"] = inspect.cleandoc(node["description"])
    # The order of a set differs between processes.
    if isinstance(node.get("default"), list) and _is_set(node):
        node["default"].sort(key=msgspec.json.encode)
    # A payload that is given as a dict is stored unchanged: a list for a set may have
    # duplicates, and a Decimal may be a number.
    node.pop("uniqueItems", None)
    if node.get("format") == "decimal":
        node["type"] = ["string", "number"]


def _is_set(node: Schema) -> bool:
    return any(
        "uniqueItems" in each for each in [node, *_nodes_of(node.get("anyOf", ()))]
    )


def _used(schemas: Iterable[Schema], parts: dict[str, Schema]) -> dict[str, Schema]:
    """Return the components that the schemas refer to, directly or indirectly."""
    used: dict[str, Schema] = {}
    queue = [*_nodes_of(schemas)]
    while queue:
        title = queue.pop().get("$ref", "").removeprefix(REF)
        if title in parts and title not in used:
            used[title] = parts[title]
            queue += nodes(parts[title])
    return used
