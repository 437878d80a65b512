from datetime import UTC, datetime, timedelta

import pytest
from django.utils import translation

from notifications.log.process_registry import Snapshot
from notifications.monitoring.dashboard import (
    COLUMNS,
    LABELS,
    duration,
    make_dashboard,
    number,
)
from notifications.monitoring.outbox_backlog import LIMIT, Backlog
from notifications.monitoring.process_reports import ReaderStatus, Report
from notifications.protocol.cursor import Cursor
from tests import ROOT
from tests.test_docs import names

DOCS = ROOT / "docs" / "admin.md"
NOW = datetime(2025, 11, 20, 12, tzinfo=UTC)
NONE_PENDING = Backlog(0, None)
EMPTY = Snapshot(0, None, None, [])


def report(**values):
    usual = {
        "name": "a",
        "host": "web",
        "pid": 1,
        "started": NOW.timestamp() - 90,
        "streams": 1_200,
        "people": 700,
        "events": 2.5,
        "deliveries": 1_500.4,
        "lag": 3,
        "slow_closes": 0,
        "unreadable": 0,
        "reading": ReaderStatus.READS,
        "position": "1-0",
    }
    return Report(**{**usual, **values})


def page(*reports, snapshot=EMPTY, pending=NONE_PENDING):
    return make_dashboard(snapshot, reports, pending, now=NOW)


def texts(stats):
    return {key: figure.text for key, figure in stats.items()}


def test_a_process_is_shown_with_its_figures():
    shown = page(report()).processes["a"]

    assert texts(shown) == {
        "process": "web:1",
        "running": "1\xa0minute",
        "streams": "1,200",
        "people": "700",
        "events": "2.5",
        "deliveries": "1,500",
        "lag": "3 ms",
        "slow_closes": "0",
        "reading": "yes",
    }
    assert shown["streams"].value == 1_200
    assert not any(figure.alarm for figure in shown.values())


def test_sums_are_of_all_processes_but_each_reads_every_event():
    shown = page(report(), report(name="b", pid=2, events=2, lag=40)).stats

    assert shown["streams"].value == 2_400
    assert shown["streams"].note == "in 2 processes"
    assert shown["deliveries"].text == "3,001"
    assert shown["events"].value == 2.5
    assert shown["lag"].value == 40


def test_two_processes_that_are_called_alike_are_both_shown():
    assert len(page(report(), report(name="b")).processes) == 2


def test_without_a_process_there_are_sums_of_nothing():
    shown = page()

    assert shown.processes == {}
    assert shown.stats["streams"].text == "0"
    assert shown.stats["lag"].text == "\N{EN DASH}"


def test_all_labels_have_a_figure():
    assert page().stats.keys() == LABELS.keys()
    assert page(snapshot=None).stats.keys() == LABELS.keys()


def test_without_redis_the_page_says_so_and_what_is_pending():
    waiting = Backlog(3, NOW - timedelta(seconds=5))

    shown = page(snapshot=None, pending=waiting)

    [problem] = shown.problems
    assert "Redis cannot be reached" in problem
    assert shown.stats["redis"].alarm
    assert shown.stats["pending"].text == "3"
    assert shown.stats["pending"].note == "the oldest for 5 seconds"
    assert shown.stats["streams"].value is None


def test_what_is_pending_for_long_is_a_problem(settings):
    settings.NOTIFICATIONS = {**settings.NOTIFICATIONS, "SWEEP_INTERVAL": 5}
    early = page(pending=Backlog(1, NOW - timedelta(seconds=15)))
    late = page(pending=Backlog(1, NOW - timedelta(seconds=16)))

    assert (early.problems, early.stats["pending"].alarm) == ([], False)
    assert late.problems == ["Events have been pending for more than 15 seconds."]
    assert late.stats["pending"].alarm


def test_a_problem_that_stays_is_said_in_the_same_words():
    first = page(pending=Backlog(1, NOW - timedelta(seconds=60)))
    later = page(pending=Backlog(8, NOW - timedelta(seconds=62)))

    assert first.problems == later.problems


def test_much_that_is_pending_is_not_counted_to_the_end():
    assert page(pending=Backlog(LIMIT, NOW)).stats["pending"].text == "1,000 or more"


@pytest.mark.parametrize("reading", [ReaderStatus.INTERRUPTED, ReaderStatus.PROBE_LOST])
def test_a_process_that_does_not_read_is_a_problem(reading):
    shown = page(report(reading=reading))

    assert shown.processes["a"]["reading"].alarm
    [problem] = shown.problems
    assert problem.startswith("web:1 ")


def test_a_long_lag_is_marked():
    shown = page(report(lag=1_001))

    assert shown.processes["a"]["lag"].alarm
    assert shown.stats["lag"].alarm


def test_entries_that_were_skipped_are_told():
    shown = page(report(unreadable=2)).processes["a"]

    assert shown["reading"].note == "2 entries skipped"


def test_the_log_says_how_far_back_it_reaches():
    oldest = Cursor(round(NOW.timestamp() * 1000) - 3 * 3_600_000, 0)

    shown = page(snapshot=Snapshot(12_345, oldest, oldest, [])).stats["entries"]

    assert shown.text == "12,345"
    assert shown.note == "back to 3\xa0hours ago"


@pytest.mark.parametrize(
    ("seconds", "text"),
    [(-3, "0 seconds"), (0.6, "1 second"), (59, "59 seconds"), (60, "1\xa0minute")],
)
def test_durations_are_exact_below_a_minute(seconds, text):
    assert duration(seconds) == text


def test_numbers_are_as_the_language_writes_them():
    with translation.override("de"):
        assert number(1_234.56, decimals=1) == "1.234,6"


@pytest.mark.parametrize(
    ("heading", "labels"), [("Figure", LABELS), ("Column", COLUMNS)]
)
def test_every_figure_is_described_once_and_no_other(heading, labels):
    assert names(DOCS.read_text(), heading) == [*map(str, labels.values())]
