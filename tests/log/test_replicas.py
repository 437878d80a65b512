"""The log is read from replicas that keep up, and from the primary otherwise."""

import logging

import pytest

from notifications.conf import conf
from notifications.exceptions import LogGap
from notifications.log import blocking_reader, replica_search
from notifications.log.stream import Log
from tests.redis_group import ReplicatedServer, running
from tests.system.server import free_port, wait_for

pytestmark = pytest.mark.usefixtures("often")


@pytest.fixture(scope="module")
def servers():
    with running(ReplicatedServer()) as servers:
        yield servers


@pytest.fixture
def mended(servers):
    yield
    servers.mend()


@pytest.fixture
def often(monkeypatch):
    """Search for replicas as often as a test can wait for."""
    monkeypatch.setattr(replica_search, "RETRY_SECONDS", 0.1)
    monkeypatch.setattr(blocking_reader, "PROBE_INTERVAL", 0.1)


@pytest.fixture
def impatient(monkeypatch):
    """Let a replica be hardly behind at all."""
    monkeypatch.setattr(blocking_reader, "MAX_LAG_SECONDS", 1)


@pytest.fixture
def patient(monkeypatch):
    """Let a replica be as far behind as a test likes."""
    monkeypatch.setattr(blocking_reader, "MAX_LAG_SECONDS", 60)


@pytest.fixture
def new_log():
    """A function that returns a log at a URL, on keys of the test."""
    logs = []

    def new_log(url):
        logs.append(Log(lambda: url, prefix=conf.KEY_PREFIX))
        return logs[-1]

    yield new_log
    for each in logs:
        each.close()


class Reader:
    """Reads a log from its newest entry on, as a hub does."""

    def __init__(self, log):
        self.log = log
        self.position = log.position()
        self.found = []

    def read(self):
        records = self.log.wait(self.position, seconds=0.05)
        self.found += [each.cursor for each in records]
        self.position = self.found[-1] if self.found else self.position

    def read_until(self, condition):
        def is_reached():
            self.read()
            return condition()

        wait_for(is_reached, what="the reader")

    def read_replica(self):
        self.read_until(lambda: self.log.reader.replica_lag is not None)

    def read_primary(self):
        self.read_until(lambda: self.log.reader.has_lost_replicas)


@pytest.fixture
def reader(servers, new_log):
    return Reader(new_log(servers.reading_url))


def append(log, uid):
    [cursor] = log.append([(uid, b"{}")])
    return cursor


def test_replica_is_read_with_the_least_rights(servers, reader, caplog):
    caplog.set_level(logging.INFO)
    reader.read_replica()

    cursor = append(reader.log, "a")
    reader.read_until(lambda: reader.found)

    assert reader.found == [cursor]
    assert reader.log.reader.replica_lag >= 0
    [line] = [each.message for each in caplog.records if "read=" in each.message]
    assert line == f"read=from_replica host=127.0.0.1:{servers.replica.port}"
    with servers.replica.client() as client:
        assert "site" in [each["user"] for each in client.client_list()]


@pytest.mark.usefixtures("mended", "patient")
def test_cursor_that_the_replica_has_not_reached_is_no_gap(servers, new_log):
    reader = Reader(new_log(servers.reading_url))
    reader.read_replica()
    servers.proxy.black_hole()

    reader.position = append(reader.log, "a")
    reader.read()
    assert (reader.found, reader.log.reader.replica_lag is None) == ([], False)
    servers.proxy.mend()
    cursor = append(reader.log, "b")
    reader.read_until(lambda: reader.found)

    assert reader.found == [cursor]


def test_lost_end_of_the_log_is_a_gap_at_a_replica(servers, reader):
    append(reader.log, "a")
    reader.read_replica()

    with servers.primary().client() as client:
        client.delete(f"{{{conf.KEY_PREFIX}}}:log")
    servers.wait_until_replicated()

    with pytest.raises(LogGap):
        reader.read()


@pytest.mark.usefixtures("mended", "impatient")
def test_replica_that_falls_behind_is_left_and_read_again(servers, new_log, caplog):
    reader = Reader(new_log(servers.reading_url))
    reader.read_replica()
    servers.proxy.black_hole()

    cursors = [append(reader.log, "a")]
    reader.read_primary()
    reader.read_until(lambda: reader.found)
    assert reader.log.reader.replica_lag is None
    servers.proxy.mend()
    reader.read_replica()
    cursors.append(append(reader.log, "b"))
    reader.read_until(lambda: len(reader.found) > 1)

    assert reader.found == cursors
    assert "is more than 1 s behind" in caplog.text


@pytest.mark.usefixtures("mended", "impatient")
@pytest.mark.parametrize("fault", ["freeze", "kill"])
def test_replica_that_fails_is_left(servers, new_log, fault):
    reader = Reader(new_log(servers.reading_url))
    reader.read_replica()

    getattr(servers.replica, fault)()
    cursor = append(reader.log, "a")
    reader.read_until(lambda: reader.found)

    assert reader.found == [cursor]
    assert reader.log.reader.has_lost_replicas


@pytest.mark.usefixtures("mended")
def test_replica_that_becomes_a_primary_is_left(servers, reader, caplog):
    reader.read_replica()

    with servers.replica.client() as client:
        client.replicaof("NO", "ONE")
    reader.read_primary()

    assert "has become a primary" in caplog.text


def test_primary_is_not_read_as_a_replica(servers, new_log, caplog):
    replica, primary = servers.replica.port, servers.primary().port
    url = servers.reading_url.replace(str(replica), str(primary))
    reader = Reader(new_log(url))

    reader.read_primary()

    assert f"127.0.0.1:{primary} is a primary" in caplog.text


def test_primary_is_read_without_a_replica(servers, new_log):
    url = servers.reading_url.replace(str(servers.replica.port), str(free_port()))
    reader = Reader(new_log(url))

    reader.read_primary()
    cursor = append(reader.log, "a")
    reader.read_until(lambda: reader.found)

    assert reader.found == [cursor]
