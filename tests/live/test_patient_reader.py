"""Reads while the log is repaired, which has lost its end."""

import pytest

from notifications.conf import conf
from notifications.exceptions import LogGap, LogUnavailable
from notifications.live.patient_reader import SWEEPS, PatientReader

LOG = "{{{}}}:log"


@pytest.fixture
def lost(log, redis_client, settings):
    """A cursor that the log has lost, in a process whose sweep would repair it."""
    settings.NOTIFICATIONS = {**settings.NOTIFICATIONS, "SWEEP_INTERVAL": 5}
    log.position()
    [lost] = log.append([("lost", b"{}")])
    redis_client.xdel(LOG.format(conf.KEY_PREFIX), str(lost))
    return lost


@pytest.fixture
def now():
    return [100.0]


@pytest.fixture
def reader(log, now):
    return PatientReader(log, clock=lambda: now[0])


def test_gap_is_raised_once_the_log_is_repaired(log, lost, reader):
    recovery = log.recovery()
    for _ in range(2):
        with pytest.raises(LogUnavailable, match="repaired"):
            reader.wait(lost, seconds=0.01)
    assert recovery.requested.cursor == lost

    recovery.declare_gap(recovery.identity())

    with pytest.raises(LogGap):
        reader.wait(lost, seconds=0.01)


def test_gap_stays_one_when_another_entry_gets_the_cursor(
    log, lost, reader, redis_client
):
    with pytest.raises(LogUnavailable):
        reader.wait(lost, seconds=0.01)
    recovery = log.recovery()
    recovery.declare_gap(recovery.identity())
    # As if the clock of a new primary had been behind.
    key = LOG.format(conf.KEY_PREFIX)
    redis_client.delete(key)
    redis_client.xadd(key, {"e": "{}"}, id=str(lost))

    with pytest.raises(LogGap):
        reader.wait(lost, seconds=0.01)


def test_gap_is_raised_when_nobody_repairs_the_log(lost, reader, now):
    with pytest.raises(LogUnavailable):
        reader.wait(lost, seconds=0.01)

    now[0] += SWEEPS * conf.SWEEP_INTERVAL

    with pytest.raises(LogGap):
        reader.wait(lost, seconds=0.01)


def test_gap_of_an_emptied_log_is_raised_at_once(lost, reader, redis_client):
    redis_client.delete(LOG.format(conf.KEY_PREFIX))

    with pytest.raises(LogGap):
        reader.wait(lost, seconds=0.01)
