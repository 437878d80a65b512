"""What an entry of the log says, as bytes. Pure; both sides of the log speak it."""

from typing import Annotated

import msgspec

from notifications.exceptions import UnreadableEntry, shorten
from notifications.protocol.cursor import Cursor
from notifications.protocol.sse import RESERVED_NAMES

# Not $, which a line end may follow.
_EVENT_TYPE = r"\A[a-z][a-z0-9_]{0,62}\Z"
_CURSOR = r"\A(0|[1-9][0-9]{0,18})-(0|[1-9][0-9]{0,18})\Z"
# The bell shows no exact number from here on.
COUNT_LIMIT = 100


class Entry(
    msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True, tag_field="entry"
):
    """What all entries have in common: the uid under which they are appended once."""

    uid: str


class EventEntry(Entry, frozen=True, tag="event"):
    """An event on its way to those who follow its topics.

    `data` is the JSON that goes to the client, encoded once. `actor` is the primary
    key, as text, of the person who is not told. `told` names topics whose followers
    were told of the same thing before, with the time, in milliseconds since 1970,
    up to which following counts.
    """

    type: Annotated[str, msgspec.Meta(pattern=_EVENT_TYPE)]
    topics: tuple[str, ...]
    data: str
    actor: str = ""
    already_told: dict[str, int] = {}

    def __post_init__(self) -> None:
        if self.type in RESERVED_NAMES:
            raise ValueError("a type that the server keeps for itself")


class FollowEntry(Entry, frozen=True, tag="follow"):
    """A change of what a person follows; no level means that they stopped.

    `since` is when they began to, in milliseconds since 1970.
    """

    user: str
    topic: str
    level: str = ""
    since: int = 0


class PreferenceEntry(Entry, frozen=True, tag="preference"):
    """Whether a person is told live of the events of a type that they follow."""

    user: str
    type: str
    live: bool


class CountEntry(Entry, frozen=True, tag="count"):
    """How much a person has not seen, of what stands in the log up to a cursor."""

    user: str
    unseen_count: Annotated[int, msgspec.Meta(ge=0, le=COUNT_LIMIT)]
    as_of: Annotated[str, msgspec.Meta(pattern=_CURSOR)]


class EndEntry(Entry, frozen=True, tag="end"):
    """The end of a person's streams, with the reason that they are told.

    With a `session` only the streams of that session end, with a `login` only those
    that were opened under another one. Both are digests, never what they are made of.
    """

    user: str
    reason: str
    session: str = ""
    login: str = ""


class StartEntry(Entry, frozen=True, tag="start"):
    """The first entry of a new log, so that there is always a cursor to be at."""


# What changes who gets what, or what they have seen of it.
ControlEntry = FollowEntry | PreferenceEntry | CountEntry | EndEntry
AnyEntry = EventEntry | ControlEntry | StartEntry


class Record(msgspec.Struct, frozen=True):
    """An entry where it stands in the log, still as bytes."""

    cursor: Cursor
    body: bytes

    def decode(self) -> AnyEntry:
        """Return what the entry says; raises UnreadableEntry."""
        try:
            entry: AnyEntry = _decoder.decode(self.body)
        # msgspec raises RecursionError for what is nested too deep.
        except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
            reason = shorten(str(error))
            raise UnreadableEntry(f"cursor={self.cursor} reason={reason}") from error
        return entry


def changed_person(body: bytes) -> str:
    """Return the user whose rights or follows a control entry changes, if it does."""
    entry: ControlEntry = _control_decoder.decode(body)
    return "" if isinstance(entry, CountEntry) else entry.user


def encode(entry: AnyEntry) -> bytes:
    """Return the entry as the bytes that are kept in the log."""
    return _encoder.encode(entry)


_encoder = msgspec.json.Encoder()
_decoder = msgspec.json.Decoder(AnyEntry)
_control_decoder = msgspec.json.Decoder(ControlEntry)
