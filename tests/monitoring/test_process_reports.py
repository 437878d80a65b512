import os
import uuid

import msgspec
import pytest

from notifications.conf import conf
from notifications.exceptions import LogUnavailable
from notifications.live.connection import Connection
from notifications.live.hub import shared_hub
from notifications.live.metrics import Metrics
from notifications.live.subscriber import Subscriber
from notifications.log.stream import Log
from notifications.monitoring import process_reports
from notifications.monitoring.process_reports import (
    REPORT_LIFETIME,
    ReaderStatus,
    Reporter,
    read,
)
from notifications.protocol.cursor import Cursor
from notifications.protocol.frames import Batch, Frame
from notifications.streams.admission import shared_admission
from tests.system.server import wait_for


@pytest.fixture
def now():
    """The monotonic clock of the reporter; a test changes it."""
    return [100.0]


@pytest.fixture
def metrics():
    return Metrics()


@pytest.fixture
def reporter(log, metrics, now):
    return make_reporter(log, metrics, now)


def make_reporter(log, metrics, now):
    return Reporter(
        log,
        hub=shared_hub(),
        admission=shared_admission(),
        metrics=metrics,
        clock=lambda: now[0],
        now=lambda: 1_000.0,
    )


def seen(log):
    return read(log.process_registry().snapshot().reports)


def push(metrics, times, *, connections):
    batch = Batch([Frame(Cursor(1, 0), b"", type="tick")])
    for _ in range(times):
        metrics.pushed(batch.frames, [(batch, range(connections))])


def test_what_a_process_reports_is_seen(log, reporter):
    reporter.report()

    [report] = seen(log)
    assert report == reporter.measure()
    assert (report.pid, report.started, report.lag) == (os.getpid(), 1_000.0, None)


def test_a_process_reports_in_place_of_its_last_report(log, reporter):
    reporter.report()
    reporter.report()

    assert len(seen(log)) == 1


def test_several_processes_are_seen(log, reporter, metrics, now):
    reporter.report()
    make_reporter(log, metrics, now).report()

    assert len({report.name for report in seen(log)}) == 2


def test_a_process_that_died_is_seen_no_more(log, reporter, redis_client):
    reporter.report()
    lapse(redis_client)

    assert seen(log) == []
    assert not redis_client.exists(names_key())


def test_one_that_went_silent_comes_back_with_its_next_report(
    log, reporter, redis_client
):
    reporter.report()
    lapse(redis_client)
    assert seen(log) == []

    reporter.report()

    assert len(seen(log)) == 1


def test_a_report_lapses(log, reporter, redis_client):
    reporter.report()

    keys = [*redis_client.scan_iter(f"{names_key()}*")]
    assert len(keys) == 2
    assert all(0 < redis_client.ttl(key) <= REPORT_LIFETIME for key in keys)


def test_reports_of_another_site_are_not_seen(log, reporter, link):
    other = Log(link, prefix=uuid.uuid4().hex)
    reporter.report()

    assert other.process_registry().snapshot().reports == []
    other.close()


@pytest.mark.parametrize("body", [b"", b"\xff", b"[]", b'{"host": 1}'])
def test_a_report_that_makes_no_sense_is_left_out(body):
    assert read([body]) == []


def test_fields_of_a_later_version_are_no_obstacle(reporter):
    report = msgspec.to_builtins(reporter.measure())

    [found] = read([msgspec.json.encode({**report, "later": True})])

    assert found.pid == os.getpid()


def test_streams_and_the_people_who_have_them_are_counted(reporter):
    for user in ("7", "7", "8", ""):
        shared_admission().enter(Connection(Subscriber(user)), address="::1")

    report = reporter.measure()

    assert (report.streams, report.people) == (4, 2)


def test_rates_are_those_since_the_report_before(reporter, metrics, now):
    push(metrics, 6, connections=10)
    now[0] += 2
    first = reporter.measure()
    push(metrics, 1, connections=3)
    now[0] += 4
    second = reporter.measure()

    assert (first.events, first.deliveries) == (3, 30)
    assert (second.events, second.deliveries) == (0.25, 0.75)


def test_what_came_before_the_first_report_counts_for_no_rate(log, metrics, now):
    push(metrics, 100, connections=1)
    reporter = make_reporter(log, metrics, now)
    now[0] += 1

    assert reporter.measure().events == 0


def test_measuring_twice_at_once_is_harmless(reporter, metrics):
    push(metrics, 1, connections=1)

    assert reporter.measure().events > 0
    assert reporter.measure().events == 0


def test_slow_closes_are_reported(reporter, metrics):
    metrics.closed_slow()

    assert reporter.measure().slow_closes == 1


def test_a_process_without_streams_need_not_read(reporter):
    report = reporter.measure()

    assert report.reading is ReaderStatus.IDLE


def test_a_process_that_reads_says_so_and_where_it_is(reporter):
    shared_hub().ensure_started()
    position = shared_hub().position

    report = reporter.measure()

    assert report.reading is ReaderStatus.READS
    assert report.position == str(position)


def test_a_process_that_cannot_read_says_so(reporter, link):
    shared_hub().ensure_started()
    link.cut()
    wait_for(lambda: shared_hub().interrupted, what="the end of the reading")

    assert reporter.measure().reading is ReaderStatus.INTERRUPTED


def test_a_process_that_hears_none_of_its_probes_says_so(reporter, now, settings):
    settings.NOTIFICATIONS = {**settings.NOTIFICATIONS, "SWEEP_INTERVAL": 5}
    shared_hub().ensure_started()

    early = reporter.measure().reading
    now[0] += 16
    late = reporter.measure().reading

    assert (early, late) == (ReaderStatus.READS, ReaderStatus.PROBE_LOST)


def test_without_a_sweep_no_probe_is_missed(reporter, now):
    shared_hub().ensure_started()
    reporter.measure()
    now[0] += 1_000

    assert reporter.measure().reading is ReaderStatus.READS


def test_without_redis_reporting_does_nothing(reporter, no_redis):
    reporter.report()


def test_without_redis_there_is_nothing_to_see(log, no_redis):
    with pytest.raises(LogUnavailable):
        log.process_registry().snapshot()


def test_the_length_and_the_ends_of_the_log_are_seen(log):
    start = log.position()
    cursors = log.append([(uuid.uuid4().hex, b"") for _ in range(3)])

    snapshot = log.process_registry().snapshot()

    assert (snapshot.entries, snapshot.oldest, snapshot.newest) == (
        4,
        start,
        cursors[-1],
    )


def test_a_log_that_was_not_begun_has_no_ends(log):
    snapshot = log.process_registry().snapshot()

    assert (snapshot.entries, snapshot.oldest, snapshot.newest) == (0, None, None)


def test_reporting_takes_no_connection_of_its_own(log, reporter, redis_client):
    log.position()
    before = len(redis_client.client_list())

    reporter.report()
    log.process_registry().snapshot()

    assert len(redis_client.client_list()) == before


def test_a_process_reports_by_itself_where_there_is_a_sweep(log, settings):
    process_reports.shared_reporter.cache_clear()
    settings.NOTIFICATIONS = {**settings.NOTIFICATIONS, "SWEEP_INTERVAL": 5}

    process_reports.reporting.start()

    wait_for(lambda: seen(log), what="a report")
    process_reports.reporting.stop()
    process_reports.shared_reporter.cache_clear()


def test_without_a_sweep_no_process_reports():
    process_reports.reporting.start()

    assert process_reports.reporting._thread is None


def names_key():
    return f"{{{conf.KEY_PREFIX}}}:reports"


def lapse(redis_client):
    """Let every report lapse, as time would."""
    for key in redis_client.scan_iter(f"{names_key()}:*"):
        redis_client.delete(key)
