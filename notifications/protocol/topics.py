"""Topics: what an event is addressed to and a person follows. Pure."""

import re
from typing import NamedTuple

from notifications.exceptions import InvalidTopic

_KIND = r"[a-z][a-z0-9_]{0,31}"
# Any slug that Django knows is a key, and any number and UUID.
_KEY = r"[A-Za-z0-9_-][A-Za-z0-9._~+-]{0,149}"
_TOPIC = re.compile(f"({_KIND}):({_KEY})", re.ASCII)
_SELECTOR = re.compile(rf"({_KIND}):({_KEY}|\*)", re.ASCII)
_EXPECTED = "<kind>:<key>, as in user:7 or topic:espresso"

MAX_LENGTH = 32 + 1 + 150
# What is addressed to it reaches everybody who has an account; nobody follows it.
EVERYONE = "everyone:all"


class Topic(NamedTuple):
    """A topic taken apart."""

    kind: str
    key: str

    def __str__(self) -> str:
        return f"{self.kind}:{self.key}"


def build(kind: str, key: object) -> str:
    """Return the topic of this kind and key; `build("user", 7)` is `user:7`.

    Raises InvalidTopic when the two do not make one.
    """
    return validate(f"{kind}:{key}")


def parse(text: str) -> Topic:
    """Return the kind and key of a topic; raises InvalidTopic."""
    # Sites pass what they like, and are told what was wrong.
    match = _TOPIC.fullmatch(text) if isinstance(text, str) else None
    if match is None:
        raise InvalidTopic(text, expected=_EXPECTED)
    return Topic(match[1], match[2])


def validate(text: str) -> str:
    """Return `text` when it is a topic; raises InvalidTopic otherwise."""
    return str(parse(text))


def parse_selector(text: str) -> Topic:
    """Return what a stream asks for: a topic, or `<kind>:*` for all of one kind.

    Raises InvalidTopic for anything else.
    """
    match = _SELECTOR.fullmatch(text) if isinstance(text, str) else None
    if match is None:
        raise InvalidTopic(text, expected=f"{_EXPECTED}, or <kind>:*")
    return Topic(match[1], match[2])


def wildcard(topic: str) -> str:
    """Return the selector of all topics of this topic's kind."""
    return topic.partition(":")[0] + ":*"
