"""The statistics of the admin's page "Live", each as a value and as a text."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

from django.utils import formats, timesince
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy, ngettext

from notifications.conf import conf
from notifications.log.process_registry import Snapshot
from notifications.monitoring.outbox_backlog import LIMIT, Backlog
from notifications.monitoring.process_reports import ReaderStatus, Report
from notifications.protocol.cursor import Cursor

# A row that is pending for longer than this many sweeps, and seconds, is a problem.
SWEEPS_MISSED = 3
PENDING_SECONDS = 15
# From the append of an event to its push; more than this is a problem.
LAG_MILLISECONDS = 1_000
UNKNOWN = "\N{EN DASH}"

COLUMNS = {
    "process": gettext_lazy("Process"),
    "running": gettext_lazy("Running for"),
    "streams": gettext_lazy("Streams"),
    "people": gettext_lazy("People"),
    "events": gettext_lazy("Events/s"),
    "deliveries": gettext_lazy("Deliveries/s"),
    "lag": gettext_lazy("Lag"),
    "slow_closes": gettext_lazy("Slow closes"),
    "reading": gettext_lazy("Reads the log"),
}
LABELS = {
    "redis": gettext_lazy("Redis"),
    "pending": gettext_lazy("Pending"),
    "streams": gettext_lazy("Streams"),
    "events": gettext_lazy("Events/s"),
    "deliveries": gettext_lazy("Deliveries/s"),
    "lag": gettext_lazy("Lag"),
    "slow_closes": gettext_lazy("Slow closes"),
    "entries": gettext_lazy("Entries in the log"),
}
READING = {
    ReaderStatus.IDLE: gettext_lazy("not yet"),
    ReaderStatus.READS: gettext_lazy("yes"),
    ReaderStatus.PROBE_LOST: gettext_lazy("does not hear itself"),
    ReaderStatus.INTERRUPTED: gettext_lazy("no"),
}


@dataclass(frozen=True, slots=True)
class Stat:
    """A value, its text, a note below it, and whether it is a cause for alarm."""

    value: Any
    text: str
    note: str = ""
    alarm: bool = False


Stats = dict[str, Stat]


@dataclass(frozen=True, slots=True)
class Dashboard:
    """The content of the page; `processes` by the names that they report under.

    A problem is a sentence that does not change while the problem lasts, so that
    screen readers announce it once.
    """

    stats: Stats
    processes: dict[str, Stats]
    problems: list[str] = field(default_factory=list)


def make_dashboard(
    snapshot: Snapshot | None,
    reports: Sequence[Report],
    backlog: Backlog,
    *,
    now: datetime,
) -> Dashboard:
    """Return the dashboard; without a snapshot, Redis cannot be reached."""
    stats = {
        "redis": _redis(snapshot, now),
        "pending": _pending(backlog, now),
        **_sums(snapshot, reports),
        "entries": _entries(snapshot, now),
    }
    processes = {each.name: _process(each, now) for each in reports}
    return Dashboard(stats, processes, [*_problems(snapshot, stats, reports)])


def _problems(
    snapshot: Snapshot | None, stats: Stats, reports: Iterable[Report]
) -> Iterable[str]:
    if snapshot is None:
        yield _(
            "Redis cannot be reached. Events wait in the database until it is back; "
            "how the processes are is not known."
        )
    if stats["pending"].alarm:
        seconds = number(_patience())
        yield _("Events have been pending for more than %s seconds.") % seconds
    for report in reports:
        if report.reading is ReaderStatus.INTERRUPTED:
            yield _("%s cannot read the log.") % _process_name(report)
        if report.reading is ReaderStatus.PROBE_LOST:
            yield _(
                "%s does not hear what it writes to the log: do both ways lead to the "
                "same Redis?"
            ) % _process_name(report)


def _redis(snapshot: Snapshot | None, now: datetime) -> Stat:
    if snapshot is None:
        return Stat(False, _("away"), alarm=True)
    return Stat(True, _("reachable"))


def _pending(backlog: Backlog, now: datetime) -> Stat:
    if backlog.oldest is None:
        return Stat(0, number(0))
    text = number(backlog.count)
    if backlog.count >= LIMIT:
        text = _("%s or more") % text
    seconds = (now - backlog.oldest).total_seconds()
    note = _("the oldest for %s") % duration(seconds)
    return Stat(backlog.count, text, note, alarm=seconds > _patience())


def _patience() -> float:
    return max(SWEEPS_MISSED * conf.SWEEP_INTERVAL, PENDING_SECONDS)


def _sums(snapshot: Snapshot | None, reports: Sequence[Report]) -> Stats:
    """Return the statistics of all processes together."""
    if snapshot is None:
        keys = ("streams", "events", "deliveries", "lag", "slow_closes")
        return dict.fromkeys(keys, Stat(None, UNKNOWN))
    lags = [each.lag for each in reports if each.lag is not None]
    processes = ngettext("in %s process", "in %s processes", len(reports))
    return {
        "streams": _count(
            sum(each.streams for each in reports), processes % number(len(reports))
        ),
        # Each process reads all of them.
        "events": _rate(max((each.events for each in reports), default=0)),
        "deliveries": _rate(sum(each.deliveries for each in reports)),
        "lag": _lag(max(lags, default=None), _("of the last event")),
        "slow_closes": _count(
            sum(each.slow_closes for each in reports), _("since each process started")
        ),
    }


def _entries(snapshot: Snapshot | None, now: datetime) -> Stat:
    if snapshot is None:
        return Stat(None, UNKNOWN)
    if snapshot.oldest is None:
        return Stat(0, number(0))
    reach = _("back to %s ago") % duration(_seconds_since(snapshot.oldest, now))
    return _count(snapshot.entries, reach)


def _process(report: Report, now: datetime) -> Stats:
    seconds = now.timestamp() - report.started
    reading = str(READING[report.reading])
    fine = report.reading in (ReaderStatus.IDLE, ReaderStatus.READS)
    return {
        "process": Stat(report.pid, _process_name(report)),
        "running": Stat(round(seconds), duration(seconds)),
        "streams": _count(report.streams),
        "people": _count(report.people),
        "events": _rate(report.events),
        "deliveries": _rate(report.deliveries),
        "lag": _lag(report.lag),
        "slow_closes": _count(report.slow_closes),
        "reading": Stat(report.reading, reading, _skipped(report), alarm=not fine),
    }


def _process_name(report: Report) -> str:
    return f"{report.host}:{report.pid}"


def _skipped(report: Report) -> str:
    if not report.unreadable:
        return ""
    skipped = ngettext("%s entry skipped", "%s entries skipped", report.unreadable)
    return skipped % number(report.unreadable)


def _count(value: int, note: str = "") -> Stat:
    return Stat(value, number(value), note)


def _rate(value: float) -> Stat:
    # Ten and above need no decimals.
    return Stat(value, number(value, decimals=1 if 0 < value < 10 else 0))


def _lag(milliseconds: int | None, note: str = "") -> Stat:
    if milliseconds is None:
        return Stat(None, UNKNOWN)
    text = _("%s ms") % number(milliseconds)
    return Stat(milliseconds, text, note, alarm=milliseconds > LAG_MILLISECONDS)


def _seconds_since(cursor: Cursor, now: datetime) -> float:
    return now.timestamp() - cursor.milliseconds / 1000


def number(value: float, *, decimals: int = 0) -> str:
    """Return a number as the language of the page writes it."""
    return formats.number_format(round(value, decimals), decimals, force_grouping=True)


def duration(seconds: float) -> str:
    """Return a duration in words, exact to the second below a minute."""
    whole = max(round(seconds), 0)
    if whole < 60:
        return ngettext("%s second", "%s seconds", whole) % number(whole)
    start = datetime(2000, 1, 1)
    return timesince.timesince(start, start + timedelta(seconds=whole), depth=1)
