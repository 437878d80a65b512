"""A hub that reads from a replica, whose clients have cursors from the primary."""

import pytest

from notifications.live.hub import shared_hub
from notifications.live.metrics import shared_metrics
from notifications.log import blocking_reader
from notifications.log.stream import shared_log
from notifications.monitoring.process_reports import ReaderStatus, Reporter
from notifications.streams.admission import shared_admission
from tests.live.helpers import attach, cursors, received
from tests.redis_group import ReplicatedServer, running
from tests.system.server import wait_for


@pytest.fixture(scope="module")
def servers():
    with running(ReplicatedServer()) as servers:
        yield servers


@pytest.fixture
def log(log, servers, settings, monkeypatch):
    """A log that is read from the replica, however far behind that is."""
    monkeypatch.setattr(blocking_reader, "MAX_LAG_SECONDS", 60)
    settings.NOTIFICATIONS = {
        **settings.NOTIFICATIONS,
        "REDIS_URL": servers.reading_url,
    }
    shared_log.cache_clear()
    return shared_log()


@pytest.fixture
def hub(servers, log):
    shared_hub().ensure_started()
    wait_for(lambda: log.reader.replica_lag is not None, what="the replica")
    yield shared_hub()
    servers.mend()


def test_page_that_is_ahead_of_the_replica_gets_what_follows_it(hub, servers, append):
    servers.proxy.black_hole()
    append("topic:a")
    page = append("topic:a")

    connection, missed = attach(hub, requested_topics=["topic:a"], after=page)
    servers.proxy.mend()
    later = append("topic:a")

    assert cursors(missed) == [page]
    assert received(connection, 1) == [later]


def test_missed_events_come_from_the_log_and_then_from_the_replica(
    hub, servers, append
):
    start = hub.position
    first = append("topic:a")
    wait_for(lambda: hub.delivered_up_to == first, what="the hub")
    servers.proxy.black_hole()
    second = append("topic:a")

    connection, missed = attach(hub, requested_topics=["topic:a"], after=start)
    servers.proxy.mend()

    # The last one is a heartbeat.
    assert cursors(missed) == [first, first]
    assert received(connection, 1) == [second]


def test_lag_of_the_replica_is_reported_and_its_loss(hub, servers, log):
    reporter = Reporter(
        log, hub=hub, admission=shared_admission(), metrics=shared_metrics()
    )
    before = reporter.measure()

    servers.replica.kill()

    assert before.reading is ReaderStatus.READS
    assert before.replica_lag >= 0
    wait_for(
        lambda: reporter.measure().reading is ReaderStatus.REPLICA_LOST,
        what="the loss of the replica",
    )
    assert reporter.measure().replica_lag is None
