"""The dashboard of the admin's Live page; it computes, and reads nothing itself."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field, replace
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

# Rows that stay pending for more than this many sweeps and seconds are a problem.
SWEEPS_MISSED = 3
PENDING_SECONDS = 15
# From the append of an event to its push; a longer lag is a problem.
LAG_MILLISECONDS = 1_000
UNKNOWN = "\N{EN DASH}"

COLUMNS = {
    "process": gettext_lazy("Process"),
    "uptime": gettext_lazy("Uptime"),
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
    "failed": gettext_lazy("Set aside"),
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
    ReaderStatus.PROBE_LOST: gettext_lazy("not its own writes"),
    ReaderStatus.REPLICA_LOST: gettext_lazy("from the primary"),
    ReaderStatus.INTERRUPTED: gettext_lazy("no"),
}


@dataclass(frozen=True, slots=True)
class Stat:
    """A value, its text, a note beside it, and whether it shows a problem."""

    value: Any
    text: str
    note: str = ""
    alarm: bool = False


Stats = dict[str, Stat]


@dataclass(frozen=True, slots=True)
class Dashboard:
    """The content of the page; `processes` maps the names of processes to their stats.

    The sentence of a problem does not change while the problem lasts, so that screen
    readers announce it once.
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
    """Return the dashboard; `snapshot` is None when Redis is unreachable."""
    stats = {
        "redis": _redis(snapshot),
        "pending": _pending(backlog, now),
        "failed": _count_to_limit(backlog.failed),
        **_totals(snapshot, reports),
        "entries": _entries(snapshot, now),
    }
    processes = {each.name: _process(each, now) for each in reports}
    return Dashboard(stats, processes, [*_problems(snapshot, stats, reports)])


def _problems(
    snapshot: Snapshot | None, stats: Stats, reports: Iterable[Report]
) -> Iterable[str]:
    if snapshot is None:
        yield _(
            "Redis is unreachable. Events wait in the database until it is back. "
            "The state of the processes is unknown."
        )
    if stats["pending"].alarm:
        seconds = format_number(_pending_limit())
        yield _("Events have been pending for more than %s seconds.") % seconds
    for report in reports:
        if report.reading is ReaderStatus.INTERRUPTED:
            yield _("%s cannot read the log.") % _process_name(report)
        if report.reading is ReaderStatus.PROBE_LOST:
            yield _(
                "%s does not read what it writes to the log. Do both connections reach "
                "the same Redis?"
            ) % _process_name(report)
        if report.reading is ReaderStatus.REPLICA_LOST:
            yield _(
                "%s reads the log from the primary, since no replica keeps up."
            ) % _process_name(report)


def _redis(snapshot: Snapshot | None) -> Stat:
    if snapshot is None:
        return Stat(False, _("unreachable"), alarm=True)
    return Stat(True, _("reachable"))


def _pending(backlog: Backlog, now: datetime) -> Stat:
    if backlog.oldest is None:
        return Stat(0, format_number(0))
    seconds = (now - backlog.oldest).total_seconds()
    note = _("oldest: %s") % format_duration(seconds)
    alarm = seconds > _pending_limit()
    return replace(_count_to_limit(backlog.count), note=note, alarm=alarm)


def _count_to_limit(count: int) -> Stat:
    text = format_number(count)
    return Stat(count, _("%s or more") % text if count >= LIMIT else text)


def _pending_limit() -> float:
    """Return for how many seconds a row may be pending."""
    return max(SWEEPS_MISSED * conf.SWEEP_INTERVAL, PENDING_SECONDS)


def _totals(snapshot: Snapshot | None, reports: Sequence[Report]) -> Stats:
    """Return the statistics of all processes together."""
    if snapshot is None:
        keys = ("streams", "events", "deliveries", "lag", "slow_closes")
        return dict.fromkeys(keys, Stat(None, UNKNOWN))
    lags = [each.lag for each in reports if each.lag is not None]
    count = len(reports)
    note = ngettext("in %s process", "in %s processes", count) % format_number(count)
    slow_closes = sum(each.slow_closes for each in reports)
    return {
        "streams": _count(sum(each.streams for each in reports), note),
        # Each process reads all events.
        "events": _rate(max((each.events for each in reports), default=0)),
        "deliveries": _rate(sum(each.deliveries for each in reports)),
        "lag": _lag(max(lags, default=None), _("of the last event")),
        "slow_closes": _count(slow_closes, _("since each process started")),
    }


def _entries(snapshot: Snapshot | None, now: datetime) -> Stat:
    if snapshot is None:
        return Stat(None, UNKNOWN)
    if snapshot.oldest is None:
        return Stat(0, format_number(0))
    seconds = _seconds_since(snapshot.oldest, now)
    note = _("going back %s") % format_duration(seconds)
    return _count(snapshot.entries, note)


def _process(report: Report, now: datetime) -> Stats:
    seconds = now.timestamp() - report.started
    return {
        "process": Stat(report.pid, _process_name(report)),
        "uptime": Stat(round(seconds), format_duration(seconds)),
        "streams": _count(report.streams),
        "people": _count(report.people),
        "events": _rate(report.events),
        "deliveries": _rate(report.deliveries),
        "lag": _lag(report.lag),
        "slow_closes": _count(report.slow_closes),
        "reading": _reading(report),
    }


def _reading(report: Report) -> Stat:
    text = str(READING[report.reading])
    notes = [_skipped(report)]
    healthy = report.reading in (ReaderStatus.IDLE, ReaderStatus.READS)
    if report.reading is ReaderStatus.READS and report.replica_lag is not None:
        text = _("from a replica")
        notes.append(_("%s ms behind") % format_number(report.replica_lag))
        healthy = report.replica_lag <= LAG_MILLISECONDS
    note = ", ".join(filter(None, notes))
    return Stat(report.reading, text, note, alarm=not healthy)


def _process_name(report: Report) -> str:
    return f"{report.host}:{report.pid}"


def _skipped(report: Report) -> str:
    if not report.unreadable:
        return ""
    skipped = ngettext("%s entry skipped", "%s entries skipped", report.unreadable)
    return skipped % format_number(report.unreadable)


def _count(value: int, note: str = "") -> Stat:
    return Stat(value, format_number(value), note)


def _rate(value: float) -> Stat:
    # Decimals matter below ten only.
    return Stat(value, format_number(value, decimals=1 if 0 < value < 10 else 0))


def _lag(milliseconds: int | None, note: str = "") -> Stat:
    if milliseconds is None:
        return Stat(None, UNKNOWN)
    text = _("%s ms") % format_number(milliseconds)
    return Stat(milliseconds, text, note, alarm=milliseconds > LAG_MILLISECONDS)


def _seconds_since(cursor: Cursor, now: datetime) -> float:
    return now.timestamp() - cursor.milliseconds / 1000


def format_number(value: float, *, decimals: int = 0) -> str:
    """Return a number as the active language writes it."""
    return formats.number_format(round(value, decimals), decimals, force_grouping=True)


def format_duration(seconds: float) -> str:
    """Return a duration in words: seconds below a minute, then the largest unit."""
    whole = max(round(seconds), 0)
    if whole < 60:
        return ngettext("%s second", "%s seconds", whole) % format_number(whole)
    start = datetime(2000, 1, 1)
    return timesince.timesince(start, start + timedelta(seconds=whole), depth=1)
