"""What Redis has lost is relayed again, when it was restarted or replaced.

A database keeps its events, and a process remembers its control entries for a moment.
Other control entries may be lost as well: so all streams are told that there is a gap.
"""

import logging
import time
from collections.abc import Iterable

from django.db import DatabaseError

from notifications import databases
from notifications.conf import conf
from notifications.lib.batches import batches
from notifications.lib.log_throttle import RateLimitFilter
from notifications.log.recovery import Recovery
from notifications.log.stream import shared_log
from notifications.models import Event
from notifications.protocol.cursor import Cursor
from notifications.publishing.event_relay import relay_events

logger = logging.getLogger(__name__)
logger.addFilter(RateLimitFilter())

# Redis may have lost what was relayed in this time before its end. It includes the time
# until a process notices.
LOST_SECONDS = 60.0
# How many events are looked for in the log at most.
MAX_EVENTS = 10_000


class LostEntries:
    """Notices that Redis was restarted or replaced, and relays what it has lost.

    It also does so when the process starts, which Redis may have ended with.
    """

    def __init__(self) -> None:
        # None before the first look.
        self._identity: str | None = None
        # When Redis was last known to be the same, in seconds since 1970.
        self._confirmed = float("inf")

    def relay(self, aliases: Iterable[str]) -> None:
        """Relay again what is lost, if Redis is another one or a hub misses entries.

        `aliases` are the databases that have events. If one fails, the next call tries
        again. Raises LogUnavailable.
        """
        recovery = shared_log().recovery()
        identity = recovery.identity()
        lost = recovery.requested.cursor
        same = identity == self._identity and lost is None
        if same or self._relay(recovery, identity, aliases, lost=lost):
            self._identity = identity
            self._confirmed = time.time()
            # A hub may have found another loss meanwhile.
            if recovery.requested.cursor == lost:
                recovery.requested.cursor = None

    def _relay(
        self,
        recovery: Recovery,
        identity: str,
        aliases: Iterable[str],
        *,
        lost: Cursor | None,
    ) -> bool:
        """Relay what is lost; tell whether all databases could be asked for it.

        `lost` is the cursor at which a hub misses an entry.
        """
        if lost is not None:
            recovery.advance(lost)
        # What is appended after this was really lost: another process may be faster.
        end = shared_log().position()
        # First, so that nobody is sent an event whose permission to it has ended.
        controls = recovery.append_controls(end=end)
        events = [self._relay_events(recovery, alias, end) for alias in aliases]
        if controls or any(events) or lost is not None:
            # Last, so that clients reload when everything is there.
            recovery.declare_gap(identity)
            total = sum(filter(None, events))
            logger.warning("log=repaired events=%d controls=%d", total, controls)
        return None not in events

    def _relay_events(self, recovery: Recovery, alias: str, end: Cursor) -> int | None:
        """Relay the lost events of a database; return how many, or None if it fails."""
        try:
            with databases.write_path(alias):
                return self._relay_missing(recovery, end)
        except DatabaseError as error:
            logger.warning("repair=postponed reason=%r database=%s", str(error), alias)
            return None

    def _relay_missing(self, recovery: Recovery, end: Cursor) -> int:
        lost = []
        for some in batches(self._newest_events(), conf.SWEEP_BATCH):
            cursors = {Cursor.parse(cursor): key for key, cursor in some}
            missing = recovery.missing(list(cursors))
            if missing:
                recovery.advance(missing[-1])
            lost += [cursors[each] for each in missing]
        relayed = []
        for keys in batches(lost, conf.SWEEP_BATCH):
            rows = Event.objects.filter(pk__in=keys).order_by("position")
            relayed += relay_events(rows)
        return sum(each.position > end.position for each in relayed)

    def _newest_events(self) -> list[tuple[int, str]]:
        """Return the keys and cursors of the events that may be lost, oldest first."""
        relayed = Event.objects.filter(relayed__isnull=False).order_by("-position")
        newest = relayed.values_list("position", flat=True).first()
        if newest is None:
            return []
        end = min(Cursor.from_position(newest).milliseconds / 1000, self._confirmed)
        start = Cursor(max(0, round((end - LOST_SECONDS) * 1000)), 0)
        found = relayed.filter(position__gte=start.position)
        return list(found.values_list("pk", "cursor")[:MAX_EVENTS])[::-1]


lost_entries = LostEntries()
