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


def reports(log):
    return read(log.process_registry().snapshot().reports)


def push(metrics, times, *, connections):
    batch = Batch([Frame(Cursor(1, 0), b"", type="tick")])
    for _ in range(times):
        metrics.pushed(batch.frames, [(batch, range(connections))])


def test_report_is_read_back(log, reporter):
    reporter.report()

    [report] = reports(log)
    assert report == reporter.measure()
    assert (report.pid, report.started, report.lag) == (os.getpid(), 1_000.0, None)


def test_report_replaces_the_previous_one(log, reporter):
    reporter.report()
    reporter.report()

    assert len(reports(log)) == 1


def test_each_process_has_a_report(log, reporter, metrics, now):
    reporter.report()
    make_reporter(log, metrics, now).report()

    assert len({report.name for report in reports(log)}) == 2


def test_expired_report_disappears(log, reporter, redis_client):
    reporter.report()
    expire(redis_client)

    assert reports(log) == []
    assert not redis_client.exists(registry_key())


def test_process_reappears_with_its_next_report(log, reporter, redis_client):
    reporter.report()
    expire(redis_client)
    assert reports(log) == []

    reporter.report()

    assert len(reports(log)) == 1


def test_report_has_a_time_to_live(log, reporter, redis_client):
    reporter.report()

    keys = [*redis_client.scan_iter(f"{registry_key()}*")]
    assert len(keys) == 2
    assert all(0 < redis_client.ttl(key) <= REPORT_LIFETIME for key in keys)


def test_reports_of_another_prefix_are_not_read(log, reporter, link):
    other = Log(link, prefix=uuid.uuid4().hex)
    reporter.report()

    assert other.process_registry().snapshot().reports == []
    other.close()


@pytest.mark.parametrize("body", [b"", b"\xff", b"[]", b'{"host": 1}'])
def test_invalid_report_is_left_out(body):
    assert read([body]) == []


def test_unknown_fields_are_ignored(reporter):
    report = msgspec.to_builtins(reporter.measure())

    [found] = read([msgspec.json.encode({**report, "later": True})])

    assert found.pid == os.getpid()


def test_report_counts_streams_and_people(reporter):
    for user in ("7", "7", "8", ""):
        shared_admission().enter(Connection(Subscriber(user)), address="::1")

    report = reporter.measure()

    assert (report.streams, report.people) == (4, 2)


def test_rates_are_measured_since_the_previous_report(reporter, metrics, now):
    push(metrics, 6, connections=10)
    now[0] += 2
    first = reporter.measure()
    push(metrics, 1, connections=3)
    now[0] += 4
    second = reporter.measure()

    assert (first.events, first.deliveries) == (3, 30)
    assert (second.events, second.deliveries) == (0.25, 0.75)


def test_events_before_the_reporter_count_for_no_rate(log, metrics, now):
    push(metrics, 100, connections=1)
    reporter = make_reporter(log, metrics, now)
    now[0] += 1

    assert reporter.measure().events == 0


def test_two_measurements_at_the_same_time_are_harmless(reporter, metrics):
    push(metrics, 1, connections=1)

    assert reporter.measure().events > 0
    assert reporter.measure().events == 0


def test_report_counts_slow_closes(reporter, metrics):
    metrics.closed_slow()

    assert reporter.measure().slow_closes == 1


def test_process_without_streams_is_idle(reporter):
    report = reporter.measure()

    assert report.reading is ReaderStatus.IDLE


def test_report_has_the_position_of_the_reader(reporter):
    shared_hub().ensure_started()
    position = shared_hub().position

    report = reporter.measure()

    assert report.reading is ReaderStatus.READS
    assert report.position == str(position)


def test_reader_that_lost_the_log_is_interrupted(reporter, link):
    shared_hub().ensure_started()
    link.cut()
    wait_for(lambda: shared_hub().interrupted, what="the reader to lose the log")

    assert reporter.measure().reading is ReaderStatus.INTERRUPTED


def test_reader_that_misses_its_probes_is_probe_lost(reporter, now, settings):
    settings.NOTIFICATIONS = {**settings.NOTIFICATIONS, "SWEEP_INTERVAL": 5}
    shared_hub().ensure_started()

    early = reporter.measure().reading
    now[0] += 16
    late = reporter.measure().reading

    assert (early, late) == (ReaderStatus.READS, ReaderStatus.PROBE_LOST)


def test_reader_misses_no_probes_without_a_sweep(reporter, now):
    shared_hub().ensure_started()
    reporter.measure()
    now[0] += 1_000

    assert reporter.measure().reading is ReaderStatus.READS


def test_report_without_redis_does_nothing(reporter, no_redis):
    reporter.report()


def test_snapshot_without_redis_raises(log, no_redis):
    with pytest.raises(LogUnavailable):
        log.process_registry().snapshot()


def test_snapshot_has_the_length_and_ends_of_the_log(log):
    start = log.position()
    cursors = log.append([(uuid.uuid4().hex, b"") for _ in range(3)])

    snapshot = log.process_registry().snapshot()

    assert (snapshot.entries, snapshot.oldest, snapshot.newest) == (
        4,
        start,
        cursors[-1],
    )


def test_snapshot_of_an_empty_log_has_no_ends(log):
    snapshot = log.process_registry().snapshot()

    assert (snapshot.entries, snapshot.oldest, snapshot.newest) == (0, None, None)


def test_reports_use_the_connection_for_commands(log, reporter, redis_client):
    def connections():
        return {each["id"] for each in redis_client.client_list()}

    log.position()
    before = connections()

    reporter.report()
    log.process_registry().snapshot()

    assert connections() <= before


def test_process_reports_periodically_with_a_sweep(log, settings):
    process_reports.shared_reporter.cache_clear()
    settings.NOTIFICATIONS = {**settings.NOTIFICATIONS, "SWEEP_INTERVAL": 5}

    process_reports.reporting.start()

    wait_for(lambda: reports(log), what="a report")
    process_reports.reporting.stop()
    process_reports.shared_reporter.cache_clear()


def test_process_does_not_report_without_a_sweep():
    process_reports.reporting.start()

    assert process_reports.reporting._thread is None


def registry_key():
    return f"{{{conf.KEY_PREFIX}}}:reports"


def expire(redis_client):
    """Expire every report, as time would."""
    for key in redis_client.scan_iter(f"{registry_key()}:*"):
        redis_client.delete(key)
