"""Entries of the log and their bytes, which both sides of the log use. No I/O."""

import base64
import hashlib
from typing import Annotated

import msgspec

from notifications.exceptions import UnreadableEntry, shorten
from notifications.protocol import sse
from notifications.protocol.cursor import NO_CURSOR, Cursor
from notifications.protocol.subscriptions import Span

# These end in \Z, since $ also matches before a line end.
_EVENT_TYPE = r"\A[a-z][a-z0-9_]{0,62}\Z"
_CURSOR = r"\A(0|[1-9][0-9]{0,18})-(0|[1-9][0-9]{0,18})\Z"
# Unseen and unread events are counted up to this number.
COUNT_LIMIT = 100
# Stands for all users where an entry makes cached sessions stale.
EVERY_USER = "*"


class Entry(
    msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True, tag_field="entry"
):
    """The base of all entries; the log takes an entry with the same uid only once."""

    uid: str


class EventEntry(Entry, frozen=True, tag="event"):
    """An event, addressed to the people who follow its topics.

    `data` is the JSON for the clients, encoded once. `actor` is the primary key, as
    text, of the person who caused the event and is not notified. `already_told` names
    topics that an earlier event about the same object was addressed to, each with the
    time of that event in milliseconds since 1970: people who followed the topic by
    then were notified and are not notified again. `row` is the key of the row of the
    inbox that shows the event; one that is `live_only` has none, and the unseen count
    does not include it.
    """

    type: Annotated[str, msgspec.Meta(pattern=_EVENT_TYPE)]
    topics: tuple[str, ...]
    data: str
    actor: str = ""
    already_told: dict[str, int] = msgspec.field(default_factory=dict, name="told")
    row: str = ""
    live_only: bool = False

    def __post_init__(self) -> None:
        if self.type in sse.RESERVED_NAMES:
            raise ValueError("the type is a reserved name")


class UpdateEntry(Entry, frozen=True, tag="update"):
    """An update of Mercure, for the subscribers of its topics; it has no row.

    `topics` are as `topics.of_mercure` returns them, and the others are the fields of
    the publication. An empty `id` stands for the cursor.
    """

    topics: tuple[str, ...]
    data: str = ""
    id: str = ""
    type: str = ""
    retry: int | None = None
    private: bool = False

    def __post_init__(self) -> None:
        # Raises ValueError for an id or a type that would end a line.
        sse.encode(data="", event=self.type, event_id=self.id)


class RetractEntry(Entry, frozen=True, tag="retract"):
    """The retraction of an event: clients remove what they show of it.

    `event` is the uid of the event, and `cursor` is where it is in the log; empty in
    the outbox, as long as it is not known. The other fields are those of the event's
    entry: they route the retraction to the clients that the event was sent to.
    """

    event: str
    type: Annotated[str, msgspec.Meta(pattern=_EVENT_TYPE)]
    topics: tuple[str, ...]
    actor: str = ""
    already_told: dict[str, int] = msgspec.field(default_factory=dict, name="told")
    row: str = ""
    cursor: Annotated[str, msgspec.Meta(pattern=_CURSOR)] = ""


class FollowEntry(Entry, frozen=True, tag="follow"):
    """A change of a person's follow of a topic; no level means that it ended.

    `since` is when the follow began, in milliseconds since 1970. With `muted_until`,
    the topic is muted from `muted_from` until then, and not before and after it.
    """

    user: str
    topic: str
    level: str = ""
    since: int = 0
    muted_from: int = 0
    muted_until: int = 0

    @property
    def muted_for(self) -> Span | None:
        """When the topic is muted, if that is for a time."""
        return Span(self.muted_from, self.muted_until) if self.muted_until else None


class PreferenceEntry(Entry, frozen=True, tag="preference"):
    """Whether a person is notified live about the events of a type."""

    user: str
    type: str
    live: bool


class CountEntry(Entry, frozen=True, tag="count"):
    """How many events up to the cursor `as_of` a person has not seen.

    `rows` has the key of the row of each of them.
    """

    user: str
    unseen_count: Annotated[int, msgspec.Meta(ge=0, le=COUNT_LIMIT)] = msgspec.field(
        name="unseen"
    )
    as_of: Annotated[str, msgspec.Meta(pattern=_CURSOR)]
    rows: tuple[str, ...] = ()


class EndEntry(Entry, frozen=True, tag="end"):
    """The end of a person's streams, with the reason that the clients get.

    With a `session`, only the streams of that session end. With a `login`, only the
    streams that were opened under another login end. Both are digests. With a `topic`,
    the streams of everyone that bring this topic end, and `user` is empty.
    """

    user: str
    reason: str
    session: str = ""
    login: str = ""
    topic: str = ""


class StartEntry(Entry, frozen=True, tag="start"):
    """The first entry of a new log, so that a log always has a newest cursor."""


class GapEntry(Entry, frozen=True, tag="gap"):
    """Entries before this one may have been lost, so no replay may pass it."""


# Entries that change what a person's streams get, or their unseen count.
ControlEntry = FollowEntry | PreferenceEntry | CountEntry | EndEntry
# Entries that wait in the outbox as rows of `Control`.
OutboxEntry = ControlEntry | RetractEntry
AnyEntry = EventEntry | UpdateEntry | OutboxEntry | StartEntry | GapEntry


class Record(msgspec.Struct, frozen=True):
    """An entry as it was read from the log: its cursor and its bytes."""

    cursor: Cursor
    body: bytes

    @property
    def declares_gap(self) -> bool:
        """Whether it is a GapEntry, without decoding it."""
        return self.body.startswith(_GAP_START)

    def decode(self) -> AnyEntry:
        """Return the decoded entry; raises UnreadableEntry."""
        try:
            entry: AnyEntry = _decoder.decode(self.body)
        # msgspec raises RecursionError for JSON that is nested too deep.
        except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
            reason = shorten(str(error))
            raise UnreadableEntry(f"cursor={self.cursor} reason={reason}") from error
        return entry


def decode_outbox(body: bytes) -> OutboxEntry:
    """Return the decoded entry of a row of the outbox; raises UnreadableEntry."""
    try:
        entry: OutboxEntry = _outbox_decoder.decode(body)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        raise UnreadableEntry(f"reason={shorten(str(error))}") from error
    return entry


def affected_user(entry: OutboxEntry) -> str:
    """Return the user whose cached sessions an entry makes stale.

    It is EVERY_USER for one about a topic, and empty for one that leaves all valid.
    """
    if isinstance(entry, CountEntry | RetractEntry):
        return ""
    about_topic = isinstance(entry, EndEntry) and entry.topic
    return EVERY_USER if about_topic else entry.user


def verified(body: bytes) -> bytes:
    """Return the bytes of an entry; raises UnreadableEntry if no reader can use them.

    Encoding does not check what decoding does, such as the form of a type.
    """
    Record(NO_CURSOR, body).decode()
    return body


def row_key(group: str) -> str:
    """Return a short key of the row that shows a group of events.

    The probability that any two unseen rows of a person have the same key is below
    1 in 10^10.
    """
    digest = hashlib.blake2b(group.encode(), digest_size=6).digest()
    return base64.urlsafe_b64encode(digest).decode()


def encode(entry: AnyEntry) -> bytes:
    """Return the bytes of an entry for the log."""
    return _encoder.encode(entry)


_encoder = msgspec.json.Encoder()
_decoder = msgspec.json.Decoder(AnyEntry)
# The tag comes first.
_GAP_START = _encoder.encode(GapEntry(uid="")).partition(b",")[0] + b","
_outbox_decoder = msgspec.json.Decoder(OutboxEntry)
