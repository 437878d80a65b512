"""Live-only events: appended to the log on commit, without a row in the database.

They are on streams and in replays, but in no inbox and no unseen count. Of types that
keep some, the newest can be read.
"""

import logging
from collections.abc import Iterable, Mapping
from functools import partial
from typing import Any

import msgspec
from django.db import transaction

from notifications import databases
from notifications.exceptions import LogUnavailable, UnreadableEntry
from notifications.lib.log_throttle import RateLimitFilter
from notifications.log.stream import shared_log
from notifications.models import Event, site_language
from notifications.protocol.entries import EventEntry, Record, encode, verified
from notifications.protocol.topics import validate
from notifications.publishing.event_types import EventType
from notifications.publishing.outbox import check_topics

logger = logging.getLogger(__name__)
logger.addFilter(RateLimitFilter())


def send(
    event_type: EventType,
    *,
    topics: Iterable[str],
    payload: Mapping[str, Any] | msgspec.Struct,
    actor: Any = None,
) -> Event:
    """Append an event when the current transaction commits; return it, not saved.

    It is lost if Redis is away at that moment, which is logged. Raises InvalidPayload
    or InvalidTopic.
    """
    addressed = check_topics(topics)
    event = Event(
        type=event_type.name, payload=event_type.validate(payload), actor=actor
    )
    body = verified(_encode(event, addressed))
    transaction.on_commit(
        partial(_append, event, addressed, body, keep=event_type.keep),
        using=databases.write_alias(),
        robust=True,
    )
    return event


def _encode(event: Event, topics: list[str]) -> bytes:
    # Everyone gets the same bytes.
    with site_language():
        data = msgspec.json.encode(event.wire(topics=topics)).decode()
    entry = EventEntry(
        uid=str(event.uid),
        type=event.type,
        topics=tuple(topics),
        data=data,
        actor="" if event.actor_id is None else str(event.actor_id),
        live_only=True,
    )
    return encode(entry)


def _append(event: Event, topics: list[str], body: bytes, *, keep: int) -> None:
    uid = str(event.uid)
    try:
        [cursor] = shared_log().append([(uid, body)])
        # Tells the caller that it was appended.
        event.cursor = str(cursor)
        if keep:
            shared_log().recent_entries().add(topics, cursor, keep=keep)
    except LogUnavailable as error:
        logger.warning("live_only=lost uid=%s reason=%r", uid, str(error))


def recent_events(topic: str, *, limit: int = 50) -> list[dict[str, Any]]:
    """Return the newest events of a topic whose type has `keep`, oldest first.

    They are at most `limit`, each a dict of the fields that a stream has as JSON. There
    are none while Redis is away. Whether a person may see the topic is for the caller
    to check. Raises InvalidTopic.
    """
    validate(topic)
    try:
        records = shared_log().recent_entries().read(topic, limit=limit)
    except LogUnavailable:
        return []
    return [fields for each in records if (fields := _fields(each)) is not None]


def _fields(record: Record) -> dict[str, Any] | None:
    """Return the fields of an event on the wire; None for one that cannot be read."""
    try:
        entry = record.decode()
    except UnreadableEntry:
        # The hub has logged it, when it skipped it.
        return None
    if not isinstance(entry, EventEntry):
        return None
    return msgspec.json.decode(entry.data, type=dict[str, Any])
