"""Topics: what an event is addressed to and a person follows. No I/O."""

import re
from typing import NamedTuple

from notifications.exceptions import InvalidTopic

_KIND = r"[a-z][a-z0-9_]{0,31}"
# Includes every slug that Django allows, every integer and every UUID.
_KEY = r"[A-Za-z0-9_-][A-Za-z0-9._~+-]{0,149}"
_TOPIC = re.compile(f"({_KIND}):({_KEY})", re.ASCII)
_SELECTOR = re.compile(rf"({_KIND}):({_KEY}|\*)", re.ASCII)
_EXPECTED = "<kind>:<key>, as in user:7 or topic:milk"

MAX_LENGTH = 32 + 1 + 150
# The topic of events for everyone who has an account; nobody follows it.
EVERYONE = "everyone:all"
# Sets the topics of Mercure apart, which are any text: no kind has this character.
_MERCURE = "@mercure:"


class Topic(NamedTuple):
    """The kind and the key of a topic."""

    kind: str
    key: str

    def __str__(self) -> str:
        return f"{self.kind}:{self.key}"


def build(kind: str, key: object) -> str:
    """Build a topic from its kind and key: `build("user", 7)` is `user:7`.

    Raises InvalidTopic if the result is not a valid topic.
    """
    return validate(f"{kind}:{key}")


def parse(text: str) -> Topic:
    """Parse a topic; raises InvalidTopic."""
    # Sites may pass other types; they get InvalidTopic, not a TypeError.
    match = _TOPIC.fullmatch(text) if isinstance(text, str) else None
    if match is None:
        raise InvalidTopic(text, expected=_EXPECTED)
    return Topic(match[1], match[2])


def validate(text: str) -> str:
    """Return `text` if it is a valid topic; raises InvalidTopic otherwise."""
    return str(parse(text))


def parse_selector(text: str) -> Topic:
    """Parse what a stream requests: a topic, or `<kind>:*` for all topics of a kind.

    Raises InvalidTopic for anything else.
    """
    match = _SELECTOR.fullmatch(text) if isinstance(text, str) else None
    if match is None:
        raise InvalidTopic(text, expected=f"{_EXPECTED}, or <kind>:*")
    return Topic(match[1], match[2])


def of_mercure(text: str) -> str:
    """Return what a topic of Mercure is routed by; `*` gives the wildcard of all."""
    return _MERCURE + text


def text_of(topic: str) -> str:
    """Return the topic of Mercure that `of_mercure` was given."""
    return topic.removeprefix(_MERCURE)


def wildcard(topic: str) -> str:
    """Return the selector of all topics of the same kind as this one."""
    return topic.partition(":")[0] + ":*"
