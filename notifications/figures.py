"""The figures of the admin's page "Live", each as a number and as a person reads it."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

from django.utils import formats, timesince
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy, ngettext

from notifications.board import Sight
from notifications.conf import conf
from notifications.cursor import Cursor
from notifications.pending import LIMIT, Pending
from notifications.reports import Reading, Report

# Pending for longer than so many sweeps, or than so many seconds, is a problem.
SWEEPS_MISSED = 3
PENDING_SECONDS = 15
# From the append of an event to its push.
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
    Reading.IDLE: gettext_lazy("not yet"),
    Reading.READS: gettext_lazy("yes"),
    Reading.UNHEARD: gettext_lazy("does not hear itself"),
    Reading.INTERRUPTED: gettext_lazy("no"),
}


@dataclass(frozen=True, slots=True)
class Figure:
    """A value, the text that a person reads, a note below it, and whether it is bad."""

    value: Any
    text: str
    note: str = ""
    alarm: bool = False


Figures = dict[str, Figure]


@dataclass(frozen=True, slots=True)
class Page:
    """All that the page shows; `processes` by the names that they report under.

    A problem is a sentence that stays the same while the problem does, so that it is
    read out once.
    """

    figures: Figures
    processes: dict[str, Figures]
    problems: list[str] = field(default_factory=list)


def make_page(
    sight: Sight | None, reports: Sequence[Report], waiting: Pending, *, now: datetime
) -> Page:
    """Return the page; no `sight` means that Redis cannot be reached."""
    figures = {
        "redis": _redis(sight, now),
        "pending": _pending(waiting, now),
        **_sums(sight, reports),
        "entries": _entries(sight, now),
    }
    processes = {each.name: _process(each, now) for each in reports}
    return Page(figures, processes, [*_problems(sight, figures, reports)])


def _problems(
    sight: Sight | None, figures: Figures, reports: Iterable[Report]
) -> Iterable[str]:
    if sight is None:
        yield _(
            "Redis cannot be reached. Events wait in the database until it is back; "
            "how the processes are is not known."
        )
    if figures["pending"].alarm:
        seconds = number(_patience())
        yield _("Events have been pending for more than %s seconds.") % seconds
    for report in reports:
        if report.reading is Reading.INTERRUPTED:
            yield _("%s cannot read the log.") % _process_name(report)
        if report.reading is Reading.UNHEARD:
            yield _(
                "%s does not hear what it writes to the log: do both ways lead to the "
                "same Redis?"
            ) % _process_name(report)


def _redis(sight: Sight | None, now: datetime) -> Figure:
    if sight is None:
        return Figure(False, _("away"), alarm=True)
    return Figure(True, _("reachable"))


def _pending(waiting: Pending, now: datetime) -> Figure:
    if waiting.oldest is None:
        return Figure(0, number(0))
    text = number(waiting.count)
    if waiting.count >= LIMIT:
        text = _("%s or more") % text
    seconds = (now - waiting.oldest).total_seconds()
    note = _("the oldest for %s") % duration(seconds)
    return Figure(waiting.count, text, note, alarm=seconds > _patience())


def _patience() -> float:
    return max(SWEEPS_MISSED * conf.SWEEP_INTERVAL, PENDING_SECONDS)


def _sums(sight: Sight | None, reports: Sequence[Report]) -> Figures:
    """Return the figures of all processes together."""
    if sight is None:
        keys = ("streams", "events", "deliveries", "lag", "slow_closes")
        return dict.fromkeys(keys, Figure(None, UNKNOWN))
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


def _entries(sight: Sight | None, now: datetime) -> Figure:
    if sight is None:
        return Figure(None, UNKNOWN)
    if sight.oldest is None:
        return Figure(0, number(0))
    reach = _("back to %s ago") % duration(_seconds_since(sight.oldest, now))
    return _count(sight.entries, reach)


def _process(report: Report, now: datetime) -> Figures:
    seconds = now.timestamp() - report.started
    reading = str(READING[report.reading])
    fine = report.reading in (Reading.IDLE, Reading.READS)
    return {
        "process": Figure(report.pid, _process_name(report)),
        "running": Figure(round(seconds), duration(seconds)),
        "streams": _count(report.streams),
        "people": _count(report.people),
        "events": _rate(report.events),
        "deliveries": _rate(report.deliveries),
        "lag": _lag(report.lag),
        "slow_closes": _count(report.slow_closes),
        "reading": Figure(report.reading, reading, _skipped(report), alarm=not fine),
    }


def _process_name(report: Report) -> str:
    return f"{report.host}:{report.pid}"


def _skipped(report: Report) -> str:
    if not report.unreadable:
        return ""
    skipped = ngettext("%s entry skipped", "%s entries skipped", report.unreadable)
    return skipped % number(report.unreadable)


def _count(value: int, note: str = "") -> Figure:
    return Figure(value, number(value), note)


def _rate(value: float) -> Figure:
    # Ten and more need no decimals.
    return Figure(value, number(value, decimals=1 if 0 < value < 10 else 0))


def _lag(milliseconds: int | None, note: str = "") -> Figure:
    if milliseconds is None:
        return Figure(None, UNKNOWN)
    text = _("%s ms") % number(milliseconds)
    return Figure(milliseconds, text, note, alarm=milliseconds > LAG_MILLISECONDS)


def _seconds_since(cursor: Cursor, now: datetime) -> float:
    return now.timestamp() - cursor.milliseconds / 1000


def number(value: float, *, decimals: int = 0) -> str:
    """Return a number as the language of the page writes it."""
    return formats.number_format(round(value, decimals), decimals, force_grouping=True)


def duration(seconds: float) -> str:
    """Return a time as a person says it: exact to the second below a minute."""
    whole = max(round(seconds), 0)
    if whole < 60:
        return ngettext("%s second", "%s seconds", whole) % number(whole)
    start = datetime(2000, 1, 1)
    return timesince.timesince(start, start + timedelta(seconds=whole), depth=1)
