"""Event types and what can be followed: the registry that a site fills.

A site declares both in `<app>/notifications.py`, which is found at start.
"""

import json
import re
from collections import defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from hashlib import blake2b
from typing import Any, ClassVar

import msgspec
from django.core.exceptions import ValidationError
from django.db import models, transaction
from django.utils.functional import Promise

from notifications import topics
from notifications.conf import conf
from notifications.exceptions import (
    InvalidEventType,
    InvalidPayload,
    NotFollowable,
    UnknownEventType,
)
from notifications.models import Follow, Level
from notifications.rights import end_streams
from notifications.sse import RESERVED_NAMES

# NUL as JSON writes it, and not a backslash that is followed by u0000.
_NUL = re.compile(r"(?<!\\)(?:\\\\)*\\u0000")
_NAME = re.compile(r"[a-z][a-z0-9_]{0,62}", re.ASCII)
# Of payloads. What reads and writes JSON gives up at a depth that depends on where in
# the program it is, and an event that was recorded has to be relayed.
MAX_DEPTH = 64
# The fields that every event has on the wire, beside those of its payload.
WIRE_FIELDS = frozenset({"uid", "type", "topics", "actor", "created"})
# The event types that this app registers itself, and where.
OWN_TYPES = {"announcement": "notifications.announcements"}


@dataclass(frozen=True, slots=True)
class EventType:
    """A registered name with a typed payload; making one registers it.

    `name` is lower case with underscores, as in `new_comment`. `payload` is the
    struct of the event's own fields. `label` is what a person reads. `group` names a
    field of the payload: events of this type that have the same there are one row of
    the inbox. Raises InvalidEventType for a name, payload or group that cannot be.
    """

    name: str
    payload: type[msgspec.Struct]
    label: str | Promise = ""
    group: str = ""

    registry: ClassVar[dict[str, "EventType"]] = {}

    def __post_init__(self) -> None:
        if not isinstance(self.name, str) or not _NAME.fullmatch(self.name):
            raise self._invalid_type("a name such as new_comment")
        if self.name in RESERVED_NAMES:
            raise self._invalid_type("a name that is not reserved")
        self._check_owner()
        fields = getattr(self.payload, "__struct_encode_fields__", None)
        if fields is None:
            raise self._invalid_type("a msgspec.Struct as payload")
        if taken := WIRE_FIELDS.intersection(fields):
            listed = ", ".join(sorted(taken))
            raise self._invalid_type(f"a payload without the field {listed}")
        if self.group and self.group not in fields:
            raise self._invalid_type(f"a payload with the field {self.group}")
        if self.registry.setdefault(self.name, self) != self:
            raise self._invalid_type("a name not registered yet")

    def _check_owner(self) -> None:
        """Raise InvalidEventType for a site's type with the name of one of this app."""
        owner = OWN_TYPES.get(self.name)
        if owner and getattr(self.payload, "__module__", "") != owner:
            raise self._invalid_type(f"another name, since {owner} has this one")

    def validate(self, data: Mapping[str, Any] | msgspec.Struct) -> dict[str, Any]:
        """Return the payload as what JSON can hold.

        Raises InvalidPayload, naming the field, for data that does not fit the type,
        is over MAX_PAYLOAD_BYTES as JSON, is nested deeper than MAX_DEPTH, or holds
        what JSON cannot: text that is no Unicode, a number that is none.
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
        """Return the name of the group that an event is in; empty for one of its own.

        `payload` is one that was validated.
        """
        if not self.group or self.group not in payload:
            return ""
        digest = blake2b(_json(payload[self.group]), digest_size=16).hexdigest()
        return f"{self.name}:{digest}"

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
    """Return the data as JSON, as strict as databases are: msgspec writes NaN as null.

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


def permissions_changed(user: Any) -> None:
    """Say that a person may see other topics than before.

    What they follow and may no longer see is unfollowed, so that it is gone from their
    inbox, too; their streams end, and are looked at anew when they come back.
    """
    with transaction.atomic():
        for follow in Follow.objects.filter(user=user):
            if not conf.AUTHORIZE(user, follow.topic):
                follow.delete()
        end_streams(user, "permissions_changed")


@dataclass(frozen=True, slots=True)
class Followable:
    """A model whose objects can be followed, under topics of one kind."""

    model: type[models.Model]
    kind: str
    key: str
    public: bool

    registry: ClassVar[dict[str, "Followable"]] = {}

    def find(self, key: str) -> models.Model | None:
        """Return the object that a topic of this kind stands for, if there is one."""
        try:
            found = self.model._default_manager.filter(**{self.key: key}).first()
        except (ValueError, TypeError, ValidationError):
            return None
        # The database takes 07 for 7; events are addressed to the one spelling alone.
        return found if str(getattr(found, self.key, "")) == key else None

    def labels(self, keys: Iterable[str]) -> dict[str, str]:
        """Return what people read for the topics of these keys, where there are any."""
        try:
            wanted = {f"{self.key}__in": keys}
            found = list(self.model._default_manager.filter(**wanted))
        except (ValueError, TypeError, ValidationError):
            # One of them is no key at all.
            found = [each for each in map(self.find, keys) if each is not None]
        name = self.model._meta.verbose_name
        return {
            f"{self.kind}:{getattr(each, self.key)}": f"{name} {each}" for each in found
        }


def followable(
    model: type[models.Model], *, kind: str, key: str = "pk", public: bool = True
) -> None:
    """Let people follow the objects of a model, as topics `<kind>:<value of key>`.

    `key` names a unique field. A public kind is one that everybody may stream.
    Raises InvalidTopic when `kind` cannot be the kind of a topic.
    """
    topics.build(kind, "1")
    Followable.registry[kind] = Followable(model, kind, key, public)


def topic_of(thing: models.Model) -> str:
    """Return the topic of an object; raises NotFollowable."""
    for each in Followable.registry.values():
        if isinstance(thing, each.model):
            return topics.build(each.kind, getattr(thing, each.key))
    raise NotFollowable(type(thing))


def object_of(topic: str) -> models.Model | None:
    """Return what a topic stands for, or None when that is nothing we know."""
    kind, key = topics.parse(topic)
    found = Followable.registry.get(kind)
    return found.find(key) if found else None


def labels_of(names: Iterable[str]) -> dict[str, str]:
    """Return what people read for each of these topics that stands for something.

    That is the kind of thing and its name, as in "topic Espresso"; one query a kind.
    """
    kinds: defaultdict[str, list[str]] = defaultdict(list)
    for kind, key in map(topics.parse, names):
        kinds[kind].append(key)
    labels: dict[str, str] = {}
    for kind, keys in kinds.items():
        if found := Followable.registry.get(kind):
            labels |= found.labels(keys)
    return labels


def follow(user: Any, topic: str, *, level: str = Level.FOLLOW) -> Follow:
    """Let a person follow a topic, or change the level at which they do.

    Raises ValidationError for what is no topic or no level.
    """
    return Follow.objects.set_level(user, topic, level)


def unfollow(user: Any, topic: str) -> bool:
    """End a person's follow of a topic; tell whether there was one."""
    follows = Follow.objects.filter(user=user, topic=topic)
    return any(follow.delete()[0] for follow in follows)
