"""TypeScript's declarations of what a JSON Schema describes. Pure.

The types are those under `$defs`, and the `discriminator` names the events among them:
that is how `json_schema.py` writes it.
"""

import json
import re
from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from notifications.schema.json_schema import REF, Schema

_PLAIN_NAME = re.compile(r"[A-Za-z_$][\w$]*", re.ASCII)
_SIMPLE = {
    "string": "string",
    "integer": "number",
    "number": "number",
    "boolean": "boolean",
    "null": "null",
}

HEADER = """\
// Made by `./manage.py sse_types` from the registered event types; do not edit.
// A field with `?` may be left out of an event, which then means its default, if any.
"""
OWN_TYPES = """\
/** What was missed is not known: read anew what you show. */
export interface NotificationReset {
  reason: string;
}

/** How many events are unseen: 100 means 100 or more, null that it is not known. */
export interface NotificationCount {
  unseen: number | null;
}
"""
GLOBALS = """\
declare global {
  interface NotificationTypes extends NotificationEventTypes {}
  interface HTMLElementEventMap extends NotificationEventMap {}
  interface DocumentEventMap extends NotificationEventMap {}
  interface WindowEventMap extends NotificationEventMap {}
}
"""


def declarations(schema: Schema) -> str:
    """Return the text of a .d.ts file for a schema of events."""
    events = {
        name: ref.removeprefix(REF)
        for name, ref in schema["discriminator"]["mapping"].items()
    }
    sections = [
        HEADER,
        *(declaration(name, each) for name, each in schema["$defs"].items()),
        _alias(schema["title"], _union(events.values()), doc=schema["description"]),
        OWN_TYPES,
        _event_types(events),
        _event_map(events),
        GLOBALS,
    ]
    return "\n".join(sections)


def declaration(name: str, schema: Schema) -> str:
    """Return the declaration of one type: an interface for an object with fields."""
    if "properties" not in schema:
        return _alias(name, type_of(schema), doc=schema.get("description", ""))
    lines = [
        *_comment([schema.get("description", "")]),
        f"export interface {name} {{",
        *_indented(_fields(schema)),
        "}",
    ]
    return _text(lines)


def type_of(schema: Any) -> str:
    """Return the TypeScript type of what a schema describes."""
    match schema:
        case False:
            return "never"
        case {"$ref": ref}:
            return str(ref).removeprefix(REF)
        case {"const": value}:
            return _literal(value)
        case {"enum": values}:
            return _union(map(_literal, values))
        case {"anyOf": options} | {"oneOf": options}:
            return _union(map(type_of, options))
        case {"type": [*types]}:
            return _union(type_of({**schema, "type": each}) for each in types)
        case {"type": "array"}:
            return _array(schema)
        case {"type": "object"}:
            return _object(schema)
        case {"type": str(name)}:
            return _SIMPLE.get(name, "unknown")
    return "unknown"


def _array(schema: Schema) -> str:
    """Return the type of an array: a tuple when it says what is at which place."""
    first = schema.get("prefixItems", [])
    least, most = schema.get("minItems", 0), schema.get("maxItems")
    if not first and most != 0:
        return f"{_member(schema.get('items'))}[]"
    places = [
        _member(each) if place < least else f"{_member(each)}?"
        for place, each in enumerate(first)
    ]
    if schema.get("items") is not False and most != len(first):
        places.append(f"...{_member(schema.get('items'))}[]")
    return f"[{', '.join(places)}]"


def _object(schema: Schema) -> str:
    if "properties" in schema:
        return f"{{ {' '.join(_plain_fields(schema))} }}"
    return f"Record<string, {type_of(schema.get('additionalProperties'))}>"


def _member(schema: Any) -> str:
    """Return a type that may stand before [] or ?."""
    text = type_of(schema)
    return f"({text})" if " | " in text else text


def _union(types: Iterable[str]) -> str:
    """Return the union, each member once; null comes last, as people write it."""
    members = dict.fromkeys(types)
    return " | ".join(sorted(members, key="null".__eq__)) or "never"


def _literal(value: Any) -> str:
    """Return a value of JSON as a type, or as the text of a comment."""
    return json.dumps(value, ensure_ascii=False)


def _fields(schema: Schema) -> Iterator[str]:
    """Yield the lines of the fields, each with its comment."""
    for each, line in zip(
        schema["properties"].values(), _plain_fields(schema), strict=True
    ):
        yield from _comment(_said(each))
        yield line


def _plain_fields(schema: Schema) -> Iterator[str]:
    required = schema.get("required", ())
    for name, each in schema["properties"].items():
        key = name if _PLAIN_NAME.fullmatch(name) else _literal(name)
        yield f"{key}{'' if name in required else '?'}: {type_of(each)};"


def _said(schema: Any) -> Iterator[str]:
    """Yield what a comment says of a field."""
    if not isinstance(schema, dict):
        return
    yield schema.get("description") or schema.get("title", "")
    if "format" in schema:
        yield f"@format {schema['format']}"
    if "default" in schema:
        yield f"@default {_literal(schema['default'])}"


def _event_types(events: Mapping[str, str]) -> str:
    lines = [
        *_comment(["The events by the names of their types."]),
        "export interface NotificationEventTypes {",
        *_indented(f"{name}: {title};" for name, title in events.items()),
        "}",
    ]
    return _text(lines)


def _event_map(events: Mapping[str, str]) -> str:
    details = {f"notifications:{name}": title for name, title in events.items()}
    details |= {
        "notifications:reset": "NotificationReset",
        "notifications:count": "NotificationCount",
        "notifications": "NotificationEvent | NotificationReset",
    }
    fields = (f"{_literal(name)}: CustomEvent<{of}>;" for name, of in details.items())
    lines = [
        *_comment(["What is dispatched in a page; `detail` is what came."]),
        "export interface NotificationEventMap {",
        *_indented(fields),
        "}",
    ]
    return _text(lines)


def _alias(name: str, of: str, *, doc: str) -> str:
    return _text([*_comment([doc]), f"export type {name} = {of};"])


def _comment(parts: Iterable[str]) -> list[str]:
    """Return the lines of a JSDoc comment, or none when there is nothing to say."""
    text = "\n".join(part for part in parts if part).replace("*/", "*\\/")
    lines = text.splitlines()
    if len(lines) <= 1:
        return [f"/** {line} */" for line in lines]
    return ["/**", *(f" * {line}".rstrip() for line in lines), " */"]


def _indented(lines: Iterable[str]) -> list[str]:
    return [f"  {line}" for line in lines]


def _text(lines: Iterable[str]) -> str:
    return "\n".join(lines) + "\n"
