import os
import uuid

import msgspec
import pytest

from notifications import reports
from notifications.admission import shared_admission
from notifications.conf import conf
from notifications.connection import Connection, Reader
from notifications.counters import Counters
from notifications.cursor import Cursor
from notifications.exceptions import LogUnavailable
from notifications.frames import Batch, Frame
from notifications.hub import shared_hub
from notifications.log import Log
from notifications.reports import REPORT_LIFETIME, Reading, Reporter, read
from tests.live.server import wait_for


@pytest.fixture
def now():
    """The monotonic clock of the reporter; a test changes it."""
    return [100.0]


@pytest.fixture
def counters():
    return Counters()


@pytest.fixture
def reporter(log, counters, now):
    return make_reporter(log, counters, now)


def make_reporter(log, counters, now):
    return Reporter(
        log,
        hub=shared_hub(),
        admission=shared_admission(),
        counters=counters,
        clock=lambda: now[0],
        now=lambda: 1_000.0,
    )


def seen(log):
    return read(log.board().look().reports)


def push(counters, times, *, connections):
    batch = Batch([Frame(Cursor(1, 0), b"", type="tick")])
    for _ in range(times):
        counters.pushed(batch.frames, [(batch, range(connections))])


def test_what_a_process_reports_is_seen(log, reporter):
    reporter.report()

    [report] = seen(log)
    assert report == reporter.measure()
    assert (report.pid, report.started, report.lag) == (os.getpid(), 1_000.0, None)


def test_a_process_reports_in_place_of_its_last_report(log, reporter):
    reporter.report()
    reporter.report()

    assert len(seen(log)) == 1


def test_several_processes_are_seen(log, reporter, counters, now):
    reporter.report()
    make_reporter(log, counters, now).report()

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

    assert other.board().look().reports == []
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
        shared_admission().enter(Connection(Reader(user)), address="::1")

    report = reporter.measure()

    assert (report.streams, report.people) == (4, 2)


def test_rates_are_those_since_the_report_before(reporter, counters, now):
    push(counters, 6, connections=10)
    now[0] += 2
    first = reporter.measure()
    push(counters, 1, connections=3)
    now[0] += 4
    second = reporter.measure()

    assert (first.events, first.deliveries) == (3, 30)
    assert (second.events, second.deliveries) == (0.25, 0.75)


def test_what_came_before_the_first_report_counts_for_no_rate(log, counters, now):
    push(counters, 100, connections=1)
    reporter = make_reporter(log, counters, now)
    now[0] += 1

    assert reporter.measure().events == 0


def test_measuring_twice_at_once_is_harmless(reporter, counters):
    push(counters, 1, connections=1)

    assert reporter.measure().events > 0
    assert reporter.measure().events == 0


def test_slow_closes_are_reported(reporter, counters):
    counters.closed_slow()

    assert reporter.measure().slow_closes == 1


def test_a_process_without_streams_need_not_read(reporter):
    report = reporter.measure()

    assert report.reading is Reading.IDLE


def test_a_process_that_reads_says_so_and_where_it_is(reporter):
    position = shared_hub().start()

    report = reporter.measure()

    assert report.reading is Reading.READS
    assert report.position == str(position)


def test_a_process_that_cannot_read_says_so(reporter, link):
    shared_hub().start()
    link.cut()
    wait_for(lambda: shared_hub().interrupted, what="the end of the reading")

    assert reporter.measure().reading is Reading.INTERRUPTED


def test_a_process_that_hears_none_of_its_probes_says_so(reporter, now, settings):
    settings.NOTIFICATIONS = {**settings.NOTIFICATIONS, "SWEEP_INTERVAL": 5}
    shared_hub().start()

    early = reporter.measure().reading
    now[0] += 16
    late = reporter.measure().reading

    assert (early, late) == (Reading.READS, Reading.UNHEARD)


def test_without_a_sweep_no_probe_is_missed(reporter, now):
    shared_hub().start()
    reporter.measure()
    now[0] += 1_000

    assert reporter.measure().reading is Reading.READS


def test_without_redis_reporting_does_nothing(reporter, no_redis):
    reporter.report()


def test_without_redis_there_is_nothing_to_see(log, no_redis):
    with pytest.raises(LogUnavailable):
        log.board().look()


def test_the_length_and_the_ends_of_the_log_are_seen(log):
    start = log.position()
    cursors = log.append([(uuid.uuid4().hex, b"") for _ in range(3)])

    sight = log.board().look()

    assert (sight.entries, sight.oldest, sight.newest) == (4, start, cursors[-1])


def test_a_log_that_was_not_begun_has_no_ends(log):
    sight = log.board().look()

    assert (sight.entries, sight.oldest, sight.newest) == (0, None, None)


def test_reporting_takes_no_connection_of_its_own(log, reporter, redis_client):
    log.position()
    before = len(redis_client.client_list())

    reporter.report()
    log.board().look()

    assert len(redis_client.client_list()) == before


def test_a_process_reports_by_itself_where_there_is_a_sweep(log, settings):
    reports.shared_reporter.cache_clear()
    settings.NOTIFICATIONS = {**settings.NOTIFICATIONS, "SWEEP_INTERVAL": 5}

    reports.repeater.start()

    wait_for(lambda: seen(log), what="a report")
    reports.repeater.stop()
    reports.shared_reporter.cache_clear()


def test_without_a_sweep_no_process_reports():
    reports.repeater.start()

    assert reports.repeater._thread is None


def names_key():
    return f"{{{conf.KEY_PREFIX}}}:reports"


def lapse(redis_client):
    """Let every report lapse, as time would."""
    for key in redis_client.scan_iter(f"{names_key()}:*"):
        redis_client.delete(key)
