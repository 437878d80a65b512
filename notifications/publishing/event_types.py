"""Event types: registered names with typed payloads.

A site declares its types in `<app>/notifications.py`, which is imported at start-up.
"""

import json
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from hashlib import blake2b
from typing import Any, ClassVar

import msgspec
from django.utils.functional import Promise

from notifications.conf import conf
from notifications.exceptions import (
    AlreadyRegistered,
    InvalidEventType,
    InvalidPayload,
    UnknownEventType,
)
from notifications.lib.call_site import call_site
from notifications.protocol import topics
from notifications.protocol.sse import RESERVED_NAMES

# An escaped NUL in JSON, but not an escaped backslash before the text u0000.
_NUL = re.compile(r"(?<!\\)(?:\\\\)*\\u0000")
_NAME = re.compile(r"[a-z][a-z0-9_]{0,62}", re.ASCII)
# The nesting limit of payloads. JSON readers and writers give up at a depth that
# depends on the call stack, and an event that was recorded must not fail later.
MAX_DEPTH = 64
# How many live-only events of a topic can be kept at most.
MOST_KEPT = 200
# The fields that every event has on the wire, in addition to those of its payload.
WIRE_FIELDS = frozenset({"uid", "type", "topics", "actor", "created"})
# The event types that this app registers itself, and the module that does so.
OWN_TYPES = {"announcement": "notifications.inbox.announcements"}


@dataclass(frozen=True, slots=True)
class EventType:
    """A registered name with a typed payload; constructing one registers it.

    `name` is lower case with underscores, as in `new_comment`. `payload` is a
    `msgspec.Struct` with the event's own fields. `label` is the text that people read.
    `group` names a field of the payload: events of this type with the same value there
    share one row of the inbox. With a `thread`, so do those of all types that name the
    same one; it is the kind of the object that `group` has the key of. `counted` is the
    text for several events, as `ngettext_lazy("%d comment", "%d comments")`. Events of
    a `live_only` type have no row; the newest `keep` of each topic can be read with
    `recent_events`. Raises InvalidEventType for arguments that cannot be used, and
    AlreadyRegistered for a name that is taken.
    """

    name: str
    payload: type[msgspec.Struct]
    label: str | Promise = ""
    group: str = ""
    live_only: bool = False
    keep: int = 0
    thread: str = ""
    counted: str | Promise = ""
    # Where it was constructed, as file:line.
    declared_at: str = field(default="", init=False, repr=False, compare=False)

    registry: ClassVar[dict[str, "EventType"]] = {}

    def __post_init__(self) -> None:
        if not isinstance(self.name, str) or not _NAME.fullmatch(self.name):
            raise self._invalid_type("a name such as new_comment")
        if self.name in RESERVED_NAMES:
            raise self._invalid_type("a name that is not reserved")
        self._check_owner()
        self._check_payload()
        # Two frames up, since the caller of this method is the generated __init__.
        object.__setattr__(self, "declared_at", call_site(frames_up=2))
        first = self.registry.setdefault(self.name, self)
        if first is not self:
            raise AlreadyRegistered(
                f"the event type {self.name}",
                first=first.declared_at,
                second=self.declared_at,
            )

    def _check_owner(self) -> None:
        """Raise InvalidEventType for a site's type with the name of one of this app."""
        owner = OWN_TYPES.get(self.name)
        if owner and getattr(self.payload, "__module__", "") != owner:
            raise self._invalid_type(f"another name: {owner} uses this one")

    def _check_payload(self) -> None:
        fields = getattr(self.payload, "__struct_encode_fields__", None)
        if fields is None:
            raise self._invalid_type("a msgspec.Struct as payload")
        if taken := WIRE_FIELDS.intersection(fields):
            listed = ", ".join(sorted(taken))
            raise self._invalid_type(f"a payload without the field {listed}")
        if self.group and self.group not in fields:
            raise self._invalid_type(f"a payload with the field {self.group}")
        if self.thread and not (self.group and _NAME.fullmatch(self.thread)):
            raise self._invalid_type("a thread with a name such as post, and a group")
        if not 0 <= self.keep <= (MOST_KEPT if self.live_only else 0):
            raise self._invalid_type(f"to keep up to {MOST_KEPT}, and live-only events")

    @classmethod
    def with_rows(cls) -> dict[str, "EventType"]:
        """Return the types whose events have a row, by name and in this order."""
        return {
            name: found
            for name, found in sorted(cls.registry.items())
            if not found.live_only
        }

    def validate(self, data: Mapping[str, Any] | msgspec.Struct) -> dict[str, Any]:
        """Return the payload as data that JSON can represent.

        Raises InvalidPayload, naming the field, for data that does not fit the type,
        is larger than MAX_PAYLOAD_BYTES as JSON, is nested deeper than MAX_DEPTH, or
        has text or numbers that JSON cannot represent.
        """
        try:
            builtins = msgspec.to_builtins(data, str_keys=True)
            msgspec.convert(builtins, self.payload, str_keys=True)
            _check_depth(builtins)
            size = len(_json(builtins))
        except (
            msgspec.ValidationError,
            ValueError,
            TypeError,
            RecursionError,
        ) as error:
            problem, _, field = str(error).partition(" - at ")
            raise self._invalid(problem, field.strip("`")) from None
        for field in builtins.keys() - {*self.payload.__struct_encode_fields__}:
            raise self._invalid("a field that the payload does not have", field)
        if size > conf.MAX_PAYLOAD_BYTES:
            raise self._invalid(
                f"{size} bytes of JSON, expected at most {conf.MAX_PAYLOAD_BYTES}"
            )
        return dict(builtins)

    def group_of(self, payload: Mapping[str, Any]) -> str:
        """Return the name of the group of a validated payload; empty for no group."""
        if not self.group or self.group not in payload:
            return ""
        return _group(self.thread or self.name, payload[self.group])

    def thread_topic(self, payload: Mapping[str, Any]) -> str:
        """Return the topic of the object that an event's thread is about, or ''."""
        key = payload.get(self.group) if self.thread else None
        return "" if key is None else f"{self.thread}:{key}"

    def count_text(self, count: int) -> str:
        """Return what people read for some events of this type, as "2 comments"."""
        label = str(self.label) or self.name.replace("_", " ")
        if count == 1:
            return label
        return self.counted % count if self.counted else f"{label} ({count})"

    def _invalid_type(self, expected: str) -> InvalidEventType:
        return InvalidEventType(self.name, expected=expected)

    def _invalid(self, problem: str, field: str = "") -> InvalidPayload:
        return InvalidPayload(self.name, problem=problem, field=field)


def _check_depth(data: Any) -> None:
    """Raise ValueError for data nested deeper than MAX_DEPTH."""
    level = [data]
    for _ in range(MAX_DEPTH + 1):
        level = [part for each in level for part in _parts(each)]
    if level:
        raise ValueError(f"nested deeper than {MAX_DEPTH} levels")


def _parts(data: Any) -> Iterable[Any]:
    if isinstance(data, dict):
        return data.values()
    return data if isinstance(data, list) else ()


def _json(data: Any) -> bytes:
    """Return the data as JSON, as strictly as databases do: msgspec writes NaN as null.

    Raises ValueError, TypeError or RecursionError.
    """
    text = json.dumps(data, allow_nan=False, ensure_ascii=False, separators=(",", ":"))
    # https://www.postgresql.org/docs/current/datatype-json.html: no NUL in jsonb.
    if _NUL.search(text):
        raise ValueError("text with the character NUL")
    return text.encode()


def event_type(name: str) -> EventType:
    """Return the event type of this name; raises UnknownEventType."""
    try:
        return EventType.registry[name]
    except KeyError:
        known = sorted(EventType.registry)
        raise UnknownEventType(name, known=known) from None


def thread_groups(topic: str) -> set[str]:
    """Return the groups of the threads about a topic's object; most kinds have none."""
    kind, key = topics.parse(topic)
    if all(each.thread != kind for each in EventType.registry.values()):
        return set()
    # As a payload has it: as text or as a number.
    keys: list[str | int] = [key, int(key)] if key.isdecimal() else [key]
    return {_group(kind, each) for each in keys}


def _group(name: str, value: Any) -> str:
    return f"{name}:{blake2b(_json(value), digest_size=16).hexdigest()}"
