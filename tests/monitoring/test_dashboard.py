from datetime import UTC, datetime, timedelta

import pytest
from django.utils import translation

from notifications.log.process_registry import Snapshot
from notifications.monitoring.dashboard import (
    COLUMNS,
    LABELS,
    format_duration,
    format_number,
    make_dashboard,
)
from notifications.monitoring.outbox_backlog import LIMIT, Backlog
from notifications.monitoring.process_reports import ReaderStatus, Report
from notifications.protocol.cursor import Cursor
from tests import ROOT
from tests.test_docs import names

DOCS = ROOT / "docs" / "admin.md"
NOW = datetime(2025, 11, 20, 12, tzinfo=UTC)
NO_BACKLOG = Backlog(0, None)
EMPTY = Snapshot(0, None, None, [])


def report(**values):
    defaults = {
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
    return Report(**{**defaults, **values})


def page(*reports, snapshot=EMPTY, backlog=NO_BACKLOG):
    return make_dashboard(snapshot, reports, backlog, now=NOW)


def texts(stats):
    return {key: stat.text for key, stat in stats.items()}


def test_process_has_its_stats():
    shown = page(report()).processes["a"]

    assert texts(shown) == {
        "process": "web:1",
        "uptime": "1\xa0minute",
        "streams": "1,200",
        "people": "700",
        "events": "2.5",
        "deliveries": "1,500",
        "lag": "3 ms",
        "slow_closes": "0",
        "reading": "yes",
    }
    assert shown["streams"].value == 1_200
    assert not any(stat.alarm for stat in shown.values())


def test_totals_are_sums_but_events_are_a_maximum():
    shown = page(report(), report(name="b", pid=2, events=2, lag=40)).stats

    assert shown["streams"].value == 2_400
    assert shown["streams"].note == "in 2 processes"
    assert shown["deliveries"].text == "3,001"
    assert shown["events"].value == 2.5
    assert shown["lag"].value == 40


def test_processes_of_the_same_host_and_pid_are_both_shown():
    assert len(page(report(), report(name="b")).processes) == 2


def test_totals_without_processes_are_zero():
    shown = page()

    assert shown.processes == {}
    assert shown.stats["streams"].text == "0"
    assert shown.stats["lag"].text == "\N{EN DASH}"


def test_every_label_has_a_stat():
    assert page().stats.keys() == LABELS.keys()
    assert page(snapshot=None).stats.keys() == LABELS.keys()


def test_unreachable_redis_is_a_problem_and_the_backlog_is_shown():
    backlog = Backlog(3, NOW - timedelta(seconds=5))

    shown = page(snapshot=None, backlog=backlog)

    [problem] = shown.problems
    assert "Redis is unreachable" in problem
    assert shown.stats["redis"].alarm
    assert shown.stats["pending"].text == "3"
    assert shown.stats["pending"].note == "oldest: 5 seconds"
    assert shown.stats["streams"].value is None


def test_long_backlog_is_a_problem(settings):
    settings.NOTIFICATIONS = {**settings.NOTIFICATIONS, "SWEEP_INTERVAL": 5}
    early = page(backlog=Backlog(1, NOW - timedelta(seconds=15)))
    late = page(backlog=Backlog(1, NOW - timedelta(seconds=16)))

    assert (early.problems, early.stats["pending"].alarm) == ([], False)
    assert late.problems == ["Events have been pending for more than 15 seconds."]
    assert late.stats["pending"].alarm


def test_rows_that_were_set_aside_are_counted_to_a_limit():
    assert page(backlog=Backlog(0, None)).stats["failed"].text == "0"
    assert page(backlog=Backlog(0, None, 3)).stats["failed"].value == 3
    assert page(backlog=Backlog(0, None, LIMIT)).stats["failed"].text == "1,000 or more"


def test_lasting_problem_keeps_its_sentence():
    first = page(backlog=Backlog(1, NOW - timedelta(seconds=60)))
    later = page(backlog=Backlog(8, NOW - timedelta(seconds=62)))

    assert first.problems == later.problems


def test_large_backlog_is_counted_to_a_limit():
    assert page(backlog=Backlog(LIMIT, NOW)).stats["pending"].text == "1,000 or more"


@pytest.mark.parametrize("reading", [ReaderStatus.INTERRUPTED, ReaderStatus.PROBE_LOST])
def test_process_that_does_not_read_the_log_is_a_problem(reading):
    shown = page(report(reading=reading))

    assert shown.processes["a"]["reading"].alarm
    [problem] = shown.problems
    assert problem.startswith("web:1 ")


def test_lag_of_a_replica_is_shown_and_a_long_one_is_an_alarm():
    shown = page(report(replica_lag=12), report(name="b", replica_lag=1_001))

    first, second = (shown.processes[name]["reading"] for name in "ab")
    assert (first.text, first.note) == ("from a replica", "12 ms behind")
    assert (first.alarm, second.alarm) == (False, True)


def test_process_that_has_no_replica_to_read_is_a_problem():
    shown = page(report(reading=ReaderStatus.REPLICA_LOST))

    assert shown.processes["a"]["reading"].text == "from the primary"
    assert shown.problems == [
        "web:1 reads the log from the primary, since no replica keeps up."
    ]


def test_long_lag_is_an_alarm():
    shown = page(report(lag=1_001))

    assert shown.processes["a"]["lag"].alarm
    assert shown.stats["lag"].alarm


def test_skipped_entries_are_noted():
    shown = page(report(unreadable=2)).processes["a"]

    assert shown["reading"].note == "2 entries skipped"


def test_log_has_the_age_of_its_oldest_entry():
    oldest = Cursor(round(NOW.timestamp() * 1000) - 3 * 3_600_000, 0)

    shown = page(snapshot=Snapshot(12_345, oldest, oldest, [])).stats["entries"]

    assert shown.text == "12,345"
    assert shown.note == "going back 3\xa0hours"


@pytest.mark.parametrize(
    ("seconds", "text"),
    [(-3, "0 seconds"), (0.6, "1 second"), (59, "59 seconds"), (60, "1\xa0minute")],
)
def test_durations_below_a_minute_are_in_seconds(seconds, text):
    assert format_duration(seconds) == text


def test_numbers_are_localized():
    with translation.override("de"):
        assert format_number(1_234.56, decimals=1) == "1.234,6"


@pytest.mark.parametrize(
    ("heading", "labels"), [("Statistic", LABELS), ("Column", COLUMNS)]
)
def test_docs_describe_exactly_these_stats(heading, labels):
    assert names(DOCS.read_text(), heading) == [*map(str, labels.values())]
