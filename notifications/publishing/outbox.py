"""The outbox: record an event in the transaction, relay it to the log on commit.

What could not be relayed stays pending, and the sweep relays it later. Nothing here
knows who is connected.
"""

import logging
from collections.abc import Iterable, Mapping
from datetime import datetime
from typing import TYPE_CHECKING, Any

import msgspec
from django.db import connection, transaction
from django.db.models import QuerySet

from notifications.conf import conf
from notifications.exceptions import InvalidTopic, LogUnavailable
from notifications.lib.log_throttle import RateLimitFilter
from notifications.log.stream import shared_log
from notifications.models import Control, Event, EventQuerySet, EventTopic
from notifications.protocol import entries
from notifications.protocol.cursor import milliseconds
from notifications.protocol.topics import validate
from notifications.signals import event_recorded

if TYPE_CHECKING:
    from notifications.publishing.event_types import EventType

logger = logging.getLogger(__name__)
logger.addFilter(RateLimitFilter())

# So many events that are late are relayed along with a new one.
OVERDUE_LIMIT = 100
# The sweep's lock lapses after this, should its holder die; a batch takes far less.
SWEEP_LOCK_SECONDS = 5


def record(
    event_type: "EventType",
    *,
    topics: Iterable[str],
    payload: Mapping[str, Any] | msgspec.Struct,
    actor: Any = None,
    source: str = "",
    already_told: Mapping[str, datetime] | None = None,
) -> Event:
    """Write an event in the current transaction; it is relayed once that commits.

    `topics` are whom it is for, `actor` the user who did it and is not told, `source`
    what was saved. `told` names topics whose followers were told of the same thing
    before, and when. Raises InvalidPayload and InvalidTopic; nothing is written then.
    """
    addressed = _check_topics(topics)
    event = Event(
        type=event_type.name,
        payload=event_type.validate(payload),
        actor=actor,
        source=source,
    )
    event.group = event_type.group_of(event.payload) or event.group
    with transaction.atomic():
        event.save()
        _address(event, addressed, already_told or {})
        _relay_on_commit().events.append(event)
    event_recorded.send(Event, event=event)
    return event


def amend(
    event: Event,
    *,
    topics: Iterable[str],
    payload: dict[str, Any],
    already_told: Mapping[str, datetime],
) -> None:
    """Rewrite an event of the current transaction, before anyone is told of it."""
    event.payload = payload
    with transaction.atomic():
        event.save(update_fields=["payload"])
        event.addresses.all().delete()
        _address(event, _check_topics(topics), already_told)


def open_event(source: str) -> Event | None:
    """Return the event that this transaction recorded for a source, if it did."""
    found = _open_relay()
    if found is None or not source:
        return None
    pks = [event.pk for event in found.events if event.source == source]
    # A savepoint that was rolled back took its rows along, and another's may have got
    # their keys since.
    return Event.objects.filter(pk__in=pks, source=source).last()


def note_raw(source: str) -> None:
    """Note that this transaction writes a source as it is, as `loaddata` does."""
    _relay_on_commit().raw.add(source)


def is_raw(source: str) -> bool:
    """Tell whether the current transaction writes this source as it is."""
    found = _open_relay()
    return found is not None and source in found.raw


def record_control(entry: entries.ControlEntry) -> None:
    """Write a control entry in the current transaction, to be relayed like an event."""
    with transaction.atomic():
        control = Control.objects.create(uid=entry.uid, body=entries.encode(entry))
        _relay_on_commit().controls.append(control)


def relay(events: EventQuerySet) -> list[Event]:
    """Append these events to the log and mark them; return them in their order.

    Raises LogUnavailable; they stay pending then. A repeat is harmless, since the log
    takes a uid only once.
    """
    rows = list(events.for_wire())
    begin = 0
    for index, row in enumerate(rows):
        # When the others were told is known once they are relayed.
        if row.already_told:
            _relay_rows(rows[begin:index])
            row.correct_already_told()
            begin = index
    _relay_rows(rows[begin:])
    return rows


def _relay_rows(rows: list[Event]) -> None:
    cursors = shared_log().append([(str(row.uid), _encode(row)) for row in rows])
    # Row by row: bulk_update writes one CASE for all, which takes longer.
    with transaction.atomic():
        for row, cursor in zip(rows, cursors, strict=True):
            row.mark_relayed(cursor)
            row.save(update_fields=["cursor", "position", "relayed"])


def sweep() -> int:
    """Relay all that is pending, batch by batch; return how many entries that was.

    Only one process does so at a time; the others return 0. Raises LogUnavailable.
    """
    if not (Event.objects.pending().exists() or Control.objects.exists()):
        return 0
    total = 0
    with shared_log().exclusive("sweep", seconds=SWEEP_LOCK_SECONDS) as lock:
        # The lock only saves work: two that sweep at once append nothing twice.
        while lock.renew() and (relayed := _sweep_batch()):
            total += relayed
    return total


def _sweep_batch() -> int:
    size = conf.SWEEP_BATCH
    controls = _relay_controls(Control.objects.order_by("pk")[:size])
    return controls + len(relay(Event.objects.pending()[:size]))


def _relay_controls(controls: QuerySet[Control]) -> int:
    rows = list(controls)
    bodies = [bytes(row.body) for row in rows]
    shared_log().append_controls(
        [
            (str(row.uid), body, entries.affected_user(body))
            for row, body in zip(rows, bodies, strict=True)
        ]
    )
    with transaction.atomic():
        Control.objects.filter(pk__in=[row.pk for row in rows]).delete()
    return len(rows)


class _Relay:
    """What one transaction recorded, relayed together when it commits.

    It is registered on commit once for each entry, so that a savepoint that is
    rolled back drops only its own; the first call relays all that is in the database.
    """

    def __init__(self) -> None:
        # Django logs the name of a callback that fails.
        self.__qualname__ = type(self).__qualname__
        self.events: list[Event] = []
        self.controls: list[Control] = []
        # Sources that are written raw, whose links are no news.
        self.raw: set[str] = set()

    def __call__(self) -> None:
        """Relay all of it, or leave it to the sweep; called on commit."""
        events, self.events = self.events, []
        controls, self.controls = self.controls, []
        try:
            self._relay(events, controls)
        except LogUnavailable as error:
            logger.warning(
                "relay=postponed events=%d reason=%r", len(events), str(error)
            )

    def _relay(self, events: list[Event], controls: list[Control]) -> None:
        if controls:
            # With those before them, so that the last change of a follow comes last.
            newest = max(each.pk for each in controls)
            due = Control.objects.filter(pk__lte=newest).order_by("pk")
            _relay_controls(due[: conf.SWEEP_BATCH])
        if events:
            pks = [each.pk for each in events]
            relay(Event.objects.pending().filter(pk__in=pks + _overdue(pks)))


def _overdue(pks: list[int]) -> list[int]:
    """Return pending events that should be in the log before these.

    They were recorded earlier and share a topic; the process that recorded them died
    or did not reach Redis. When there are many they are left to the sweep: what is
    new does not wait behind a long outage.
    """
    earlier = Event.objects.pending().filter(pk__lt=min(pks))
    if not earlier.exists():
        return []
    ours = EventTopic.objects.filter(event__in=pks).values("topic")
    found = earlier.filter(addresses__topic__in=ours).distinct()
    overdue = list(found.values_list("pk", flat=True)[: OVERDUE_LIMIT + 1])
    return overdue if len(overdue) <= OVERDUE_LIMIT else []


def _open_relay() -> _Relay | None:
    """Return what the current transaction has registered to be relayed, if anything.

    It lives among the transaction's callbacks and nowhere else, since Django drops
    those on a rollback. `run_on_commit` is not documented; a test pins what is used.
    """
    callbacks = (callback for _, callback, *_ in reversed(connection.run_on_commit))
    return next((each for each in callbacks if isinstance(each, _Relay)), None)


def _relay_on_commit() -> _Relay:
    found = _open_relay() or _Relay()
    # Robust: an error of ours is logged, and the save that is committed stands.
    transaction.on_commit(found, robust=True)
    return found


def _check_topics(names: Iterable[str]) -> list[str]:
    addressed = list(dict.fromkeys(validate(name) for name in names))
    if len(addressed) > conf.MAX_TOPICS_PER_EVENT:
        raise InvalidTopic(
            addressed, expected=f"at most {conf.MAX_TOPICS_PER_EVENT} topics an event"
        )
    return addressed


def _address(
    event: Event, addressed: list[str], already_told: Mapping[str, datetime]
) -> None:
    rows = [EventTopic(event=event, topic=topic) for topic in addressed]
    rows += [
        EventTopic(event=event, topic=topic, already_told=already_told[topic])
        for topic in already_told
    ]
    EventTopic.objects.bulk_create(rows)


def _encode(event: Event) -> bytes:
    entry = entries.EventEntry(
        uid=str(event.uid),
        type=event.type,
        topics=tuple(event.topics),
        data=msgspec.json.encode(event.wire()).decode(),
        actor="" if event.actor_id is None else str(event.actor_id),
        already_told={
            topic: milliseconds(time) for topic, time in event.already_told.items()
        },
    )
    return entries.encode(entry)
