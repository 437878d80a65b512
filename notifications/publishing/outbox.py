"""The outbox: record an event in the transaction, relay it to the log on commit.

What could not be relayed stays pending, and the sweep relays it later. This module
never knows which clients are connected.
"""

import logging
import uuid
from collections import defaultdict
from collections.abc import Iterable, Mapping, Set
from datetime import datetime
from typing import TYPE_CHECKING, Any

import msgspec
from django.db import connections, transaction

from notifications import databases
from notifications.conf import conf
from notifications.exceptions import InvalidTopic, LogUnavailable
from notifications.lib.log_throttle import RateLimitFilter
from notifications.log.stream import shared_log
from notifications.models import Control, DueCount, Event, EventTopic
from notifications.protocol import entries
from notifications.protocol.topics import validate
from notifications.publishing.control_relay import relay_controls
from notifications.publishing.counter import Due, counter
from notifications.publishing.event_relay import overdue, relay_events
from notifications.publishing.postponed import relay_postponed
from notifications.publishing.unseen import COUNT_BATCH, relay_counts
from notifications.signals import event_recorded

if TYPE_CHECKING:
    from notifications.publishing.event_types import EventType

logger = logging.getLogger(__name__)
logger.addFilter(RateLimitFilter())

# How long the sweep's lock is held without renewal; a batch takes far less.
SWEEP_LOCK_SECONDS = 5
POSTPONED = "relay=postponed events=%d reason=%r"


def record(
    event_type: "EventType",
    *,
    topics: Iterable[str],
    payload: Mapping[str, Any] | msgspec.Struct,
    actor: Any = None,
    source: str = "",
    already_told: Mapping[str, datetime] | None = None,
) -> Event:
    """Record an event in the current transaction, to be relayed when it commits.

    `topics` are the topics that the event is addressed to, `actor` is the user who
    caused it and is not notified, and `source` names the object that was saved.
    `already_told` has the topics of earlier events about this object, and when these
    were relayed. Raises InvalidPayload or InvalidTopic, and records nothing then.
    """
    addressed = check_topics(topics)
    event = Event(
        type=event_type.name,
        payload=event_type.validate(payload),
        actor=actor,
        source=source,
    )
    event.group = event_type.group_of(event.payload) or event.group
    with databases.atomic(savepoint=False):
        event.save()
        EventTopic.objects.address(event, addressed, already_told or {})
        _relay_on_commit().events[event.source].append(event)
    event_recorded.send(Event, event=event)
    return event


def amend(
    event: Event,
    *,
    topics: Iterable[str],
    payload: dict[str, Any],
    already_told: Mapping[str, datetime],
) -> None:
    """Change an event that the current transaction recorded."""
    addressed = check_topics(topics)
    event.payload = payload
    event.clear_failure()
    with databases.atomic(savepoint=False):
        event.save(update_fields=["payload", "failure", "position"])
        event.addresses.all().delete()
        EventTopic.objects.address(event, addressed, already_told)


def event_of_transaction(source: str) -> Event | None:
    """Return the event that the current transaction recorded for a source, or None."""
    current = _current_relay()
    if current is None or not source:
        return None
    pks = [event.pk for event in current.events.get(source, ())]
    # The rows of a rolled back savepoint no longer exist, and rows of other sources
    # may have their keys now.
    return Event.objects.filter(pk__in=pks, source=source).last()


def sources_of_transaction() -> Set[str]:
    """Return the sources that the current transaction may have recorded events for."""
    current = _current_relay()
    return current.events.keys() if current else frozenset()


def notes(name: str) -> set[Any]:
    """Return a set of this name, which lasts until the current transaction ends."""
    return (_current_relay() or _relay_on_commit()).notes.setdefault(name, set())


def uids_of_transaction() -> set[uuid.UUID]:
    """Return the uids of the events that the current transaction recorded."""
    # The keys of a rolled back savepoint may be used again, unlike uids.
    current = _current_relay()
    return {event.uid for event in current.all_events()} if current else set()


def record_control(entry: entries.OutboxEntry) -> None:
    """Record a control entry in the current transaction, to be relayed on commit."""
    record_controls([entry])


def record_controls(found: Iterable[entries.OutboxEntry]) -> None:
    """Record control entries as `record_control` does."""
    rows = [Control(uid=each.uid, body=entries.encode(each)) for each in found]
    with databases.atomic(savepoint=False):
        _relay_on_commit().controls += Control.objects.bulk_create(rows)


def record_due_count(user: Any) -> None:
    """Record that the unseen count of a person, given by key, may have changed.

    When the transaction has committed, the count is made and relayed, once for all
    changes.
    """
    with databases.atomic(savepoint=False):
        due = DueCount.objects.create(user_id=user)
        _relay_on_commit().due_counts.append(due)


@databases.write_path()
def sweep() -> int:
    """Relay everything that is pending in batches; return the number of entries.

    One process sweeps at a time; the others return 0. Raises LogUnavailable.
    """
    EventTopic.objects.fill_positions(limit=conf.SWEEP_BATCH)
    if not _is_anything_due():
        return 0
    total = 0
    with shared_log().exclusive("sweep", seconds=SWEEP_LOCK_SECONDS) as lock:
        # The lock only saves work: two sweeps at the same time append nothing twice.
        while lock.renew() and (relayed := _sweep_batch()):
            total += relayed
    return total


def _is_anything_due() -> bool:
    rows = (Event.objects.pending(), Control.objects.pending(), DueCount.objects)
    return any(each.exists() for each in rows)


def _sweep_batch() -> int:
    size = conf.SWEEP_BATCH
    controls = relay_controls(Control.objects.pending()[:size])
    # Those that are set aside count, too: there may be a whole batch of them.
    events = list(Event.objects.pending().values_list("pk", flat=True)[:size])
    relay_events(Event.objects.pending().filter(pk__in=events))
    # Counted last, so that the counts include what was pending.
    due = DueCount.objects.order_by("pk")[:COUNT_BATCH]
    return controls + len(events) or relay_counts(due, is_sweep=True)


class _Relay:
    """What one transaction recorded, relayed together when it commits.

    It is registered as a commit callback once for each entry, since Django drops the
    callbacks of a savepoint that is rolled back. The first call relays everything.
    """

    def __init__(self, alias: str) -> None:
        self.alias = alias  # of the transaction's database
        # Django logs this name if the callback fails.
        self.__qualname__ = type(self).__qualname__
        # By source: a save looks for its own, in a transaction that may have very many.
        self.events: defaultdict[str, list[Event]] = defaultdict(list)
        self.controls: list[Control] = []
        self.due_counts: list[DueCount] = []
        # What other modules note until the end; see `notes`.
        self.notes: dict[str, set[Any]] = {}

    def all_events(self) -> list[Event]:
        """Return the events of all sources."""
        return [event for found in self.events.values() for event in found]

    def __call__(self) -> None:
        """Relay everything, or leave it to the sweep; called on commit."""
        events, self.events = self.all_events(), defaultdict(list)
        controls, self.controls = self.controls, []
        due, self.due_counts = self.due_counts, []
        try:
            with databases.write_path(self.alias):
                # While Redis is away, a save does not even look for what is pending.
                shared_log().check_breaker()
                if controls or events:
                    self._relay(events)
                # A transaction leaves more to the sweep.
                if due and not counter.put(Due(self.alias, due[:COUNT_BATCH])):
                    relay_counts(due[:COUNT_BATCH])
        except LogUnavailable as error:
            relay_postponed.set()
            logger.warning(POSTPONED, len(events), str(error))

    def _relay(self, events: list[Event]) -> None:
        # Also those of earlier transactions that did not reach Redis: changes of a
        # follow keep their order, and nobody is sent what they unfollowed before.
        relay_controls(Control.objects.pending()[: conf.SWEEP_BATCH])
        if events:
            pks = [event.pk for event in events]
            pks += overdue(pks)
            relay_events(Event.objects.pending().filter(pk__in=pks))


def _current_relay() -> _Relay | None:
    """Return the relay of the current transaction, or None.

    It is stored only among the transaction's commit callbacks, since Django drops these
    on a rollback. `run_on_commit` is not documented; tests pin its form.
    """
    registered = connections[databases.write_alias()].run_on_commit
    callbacks = (callback for _, callback, *_ in reversed(registered))
    return next((found for found in callbacks if isinstance(found, _Relay)), None)


def _relay_on_commit() -> _Relay:
    current = _current_relay() or _Relay(databases.write_alias())
    # Robust: Django logs an error of the relay, and the site's own callbacks still run.
    transaction.on_commit(current, using=current.alias, robust=True)
    return current


def check_topics(names: Iterable[str]) -> list[str]:
    """Return the topics of an event, each once; raises InvalidTopic."""
    addressed = list(dict.fromkeys(validate(name) for name in names))
    if len(addressed) > conf.MAX_TOPICS_PER_EVENT:
        raise InvalidTopic(
            addressed, expected=f"at most {conf.MAX_TOPICS_PER_EVENT} topics per event"
        )
    return addressed
