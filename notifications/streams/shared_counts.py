"""Shared counts: the streams of a person or an address, in all processes together.

Each process sets its own counts in Redis, and asks there before it admits a stream.
One that is alone, or cannot reach Redis, counts its own streams only.
"""

import secrets
import time
from collections import deque
from collections.abc import Callable, Iterable
from contextlib import suppress
from typing import NamedTuple, Protocol

from notifications.conf import conf
from notifications.exceptions import LogUnavailable
from notifications.lib.batches import batches
from notifications.log.stream_counts import StreamCounts
from notifications.streams.lifetime import LIFETIME_SPREAD

# How often a process reports that it is there.
REPORT_SECONDS = 1.0
# How often it sets counts that have changed, if it is not alone. A page that is
# reloaded may reach another process, where its previous stream must not count any more.
SET_SECONDS = 0.2
# How many counts are set by one command.
SET_BATCH = 500
# How much longer than the streams their count is kept.
SPARE_SECONDS = 60


class Owner(NamedTuple):
    """Whose streams are limited: a `user` with a key, or an `address`."""

    kind: str
    name: str

    def __str__(self) -> str:
        return f"{self.kind}:{self.name}"


class LocalCounts(Protocol):
    """The streams of this process."""

    def count(self, owner: Owner) -> int:
        """Return how many streams an owner has."""

    def owners(self) -> Iterable[Owner]:
        """Return everyone who has a stream."""


class SharedCounts:
    """The counts of this process among those of the others.

    `update` is called all the time, by one thread; it sets what has changed. `clock`
    is a monotonic clock in seconds.
    """

    def __init__(
        self,
        store: StreamCounts,
        local: LocalCounts,
        *,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._store = store
        self._local = local
        self._clock = clock
        self._process = secrets.token_hex(8)
        self._reported_at = -REPORT_SECONDS
        # Whether there are others, who have to know the counts of this process.
        self._has_company = False
        # Whether Redis may have wrong counts of this process.
        self._is_stale = False
        # Whose counts have changed. A stream leaves wherever Python collects it, so
        # this takes no lock.
        self._changed: deque[Owner] = deque()

    def enter(self, owner: Owner, *, count: int, limit: int) -> bool:
        """Tell whether an owner may have as many streams here: `count`, with the new.

        The limit is that of the streams in all processes.
        """
        if not self._has_company:
            return True
        # Also set by `update`, which may have read the previous count just now.
        self.changed(owner)
        with suppress(LogUnavailable):
            return self._store.enter(
                self._process,
                str(owner),
                count=count,
                limit=limit,
                seconds=_seconds_kept(),
            )
        return True

    def changed(self, owner: Owner) -> None:
        """Note that an owner has another number of streams now; never blocks."""
        if self._has_company:
            self._changed.append(owner)

    @property
    def interval(self) -> float:
        """After how many seconds to update next."""
        return SET_SECONDS if self._has_company else REPORT_SECONDS

    def update(self) -> None:
        """Report that this process is there, when that is due; set what has changed."""
        try:
            if self._clock() - self._reported_at >= REPORT_SECONDS:
                self._report()
            self._set(self._take_changed())
        except LogUnavailable:
            # The next report is one of a new process, whose counts are all set.
            self._is_stale = True
            self._changed.clear()

    def _report(self) -> None:
        before = self._process
        if self._is_stale:
            self._process = secrets.token_hex(8)
        found = self._store.report(
            self._process, before=before if self._is_stale else ""
        )
        self._reported_at = self._clock()
        had_company, self._has_company = self._has_company, found.number > 1
        if self._has_company and (found.is_new or not had_company):
            self._set(self._local.owners())
        # While it is alone, it sets nothing: the counts become wrong.
        self._is_stale = had_company and not self._has_company

    def _take_changed(self) -> set[Owner]:
        found = set()
        while self._changed:
            found.add(self._changed.popleft())
        return found

    def _set(self, owners: Iterable[Owner]) -> None:
        for some in batches(owners, SET_BATCH):
            counts = {str(owner): self._local.count(owner) for owner in some}
            self._store.set(self._process, counts, seconds=_seconds_kept())


def _seconds_kept() -> int:
    """Return how long a count is kept: longer than the stream that changed it last."""
    return round(conf.STREAM_LIFETIME * (1 + LIFETIME_SPREAD)) + SPARE_SECONDS
