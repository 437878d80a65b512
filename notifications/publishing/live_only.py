"""Live-only events: appended to the log on commit, without a row in the database.

They are on streams and in replays, but in no inbox and no unseen count.
"""

import logging
from collections.abc import Iterable, Mapping
from functools import partial
from typing import Any

import msgspec
from django.db import transaction

from notifications import databases
from notifications.exceptions import LogUnavailable
from notifications.lib.log_throttle import RateLimitFilter
from notifications.log.stream import shared_log
from notifications.models import Event, site_language
from notifications.protocol.entries import EventEntry, encode, verified
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
        partial(_append, str(event.uid), body),
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


def _append(uid: str, body: bytes) -> None:
    try:
        shared_log().append([(uid, body)])
    except LogUnavailable as error:
        logger.warning("live_only=lost uid=%s reason=%r", uid, str(error))
