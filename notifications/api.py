"""The public API of the app: the names that a site imports.

from notifications.api import EventType, followable, topic_of, watch
"""

from collections.abc import Iterable, Mapping
from typing import Any

import msgspec

from notifications import databases, models
from notifications.exceptions import WrongDatabase
from notifications.inbox.announcements import announce
from notifications.inbox.explain import explain
from notifications.inbox.reasons import Explanation
from notifications.inbox.recipients import recipients_of
from notifications.lib.await_form import await_form
from notifications.mercure.conf import required_settings
from notifications.mercure.discovery import mercure_link
from notifications.models import Actor
from notifications.protocol.server_event import Event
from notifications.protocol.topics import EVERYONE
from notifications.publishing import outbox
from notifications.publishing.event_types import EventType
from notifications.publishing.followables import (
    follow,
    followable,
    public_topics,
    topic_of,
    unfollow,
)
from notifications.publishing.live_only import recent_events, send
from notifications.publishing.permissions import permissions_changed
from notifications.publishing.presence import Present, presence
from notifications.publishing.retraction import retract
from notifications.publishing.watch import watch
from notifications.streams.channel_stream import event_stream
from notifications.streams.produced_stream import (
    EventStreamResponse,
    SharedStream,
    wants_event_stream,
)
from notifications.streams.public_events import public_events

__all__ = [
    "EVERYONE",
    "Actor",
    "Event",
    "EventStreamResponse",
    "EventType",
    "Explanation",
    "Present",
    "SharedStream",
    "aannounce",
    "afollow",
    "announce",
    "apublish",
    "aunfollow",
    "event_stream",
    "explain",
    "follow",
    "followable",
    "mercure_link",
    "permissions_changed",
    "presence",
    "public_events",
    "public_topics",
    "publish",
    "publish_update",
    "recent_events",
    "recipients_of",
    "retract",
    "topic_of",
    "unfollow",
    "wants_event_stream",
    "watch",
]


def publish(
    event_type: EventType,
    *,
    topics: Iterable[str],
    payload: Mapping[str, Any] | msgspec.Struct,
    actor: Any = None,
    using: str | None = None,
    live_only: bool = False,
) -> models.Event:
    """Publish an event that no model save causes; return its row.

    The event is recorded in the current transaction and relayed when it commits.
    `topics` are the topics that it is addressed to, `payload` its own fields, and
    `actor` the user who caused it and is not notified. `using` is the database to
    record it in, if not the one that `Event` is written to. Raises InvalidPayload,
    InvalidTopic or WrongDatabase, and records nothing then.

    An event that is `live_only`, or of a live-only type, such as a line of a chat, has
    no row: it is on streams and in replays, but in no inbox and no unseen count. It is
    lost if Redis is away when the transaction commits; `cursor` is empty then.
    """
    if using is not None and not databases.can_record_in(using):
        raise WrongDatabase(models.Event, alias=using, expected=databases.write_alias())
    publish_it = send if live_only or event_type.live_only else outbox.record
    with databases.write_path(using):
        return publish_it(event_type, topics=topics, payload=payload, actor=actor)


aannounce = await_form(announce)
afollow = await_form(follow)
apublish = await_form(publish)
aunfollow = await_form(unfollow)


def publish_update(
    topics: str | Iterable[str],
    data: str = "",
    *,
    private: bool = False,
    id: str = "",  # noqa: A002
    type: str = "",  # noqa: A002
    retry: int | None = None,
) -> str:
    """Publish an update to the subscribers of the Mercure hub, and return its id.

    The arguments are the fields of the protocol; the first topic is the canonical one,
    and `retry` is in milliseconds. It is appended at once: call it when the transaction
    has committed. Raises InvalidValue, also if the hub is off, and LogUnavailable.
    """
    # Needs the extra.
    from notifications.mercure.updates import Update, append, check

    several = (topics,) if isinstance(topics, str) else tuple(topics)
    update = Update(
        topics=several, data=data, private=private, id=id, type=type, retry=retry
    )
    check(update, required_settings())
    return append(update)
