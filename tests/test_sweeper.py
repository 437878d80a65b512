import pytest
from django.db import DatabaseError

from notifications import outbox
from notifications.models import Event
from notifications.repeater import Repeater
from notifications.sweeper import Sweeper
from tests.live.server import wait_for


@pytest.fixture
def sweeper(settings):
    settings.NOTIFICATIONS = {**settings.NOTIFICATIONS, "SWEEP_INTERVAL": 0.01}
    sweeper = Sweeper()
    yield sweeper
    sweeper.stop()


@pytest.fixture
def sweeps(monkeypatch):
    """A list that grows with each sweep; its functions say what each one does."""
    done = []
    monkeypatch.setattr(outbox, "sweep", lambda: done.append(1) or 0)
    return done


def test_it_sweeps_again_and_again(sweeper, sweeps):
    sweeper.start()

    wait_for(lambda: len(sweeps) > 2, what="three sweeps")


def test_once_stopped_it_sweeps_no_more(sweeper, sweeps):
    sweeper.start()
    sweeper.stop()
    done = len(sweeps)

    sweeper.stop()

    assert len(sweeps) == done


def test_without_an_interval_it_does_not_start(sweeper, sweeps, settings):
    settings.NOTIFICATIONS = {**settings.NOTIFICATIONS, "SWEEP_INTERVAL": 0}

    sweeper.start()

    assert sweeper._sweeping._thread is None


def test_what_it_takes_along_goes_on_during_a_long_sweep(sweeper, monkeypatch):
    done = []
    beside = Repeater(lambda: done.append(1), name="test", seconds=lambda: 0.01)
    sweeper.take_along(beside)

    def sweep():
        seen = len(done)
        wait_for(lambda: len(done) > seen + 2, what="what is beside it")
        swept.append(1)
        return 0

    swept = []
    monkeypatch.setattr(outbox, "sweep", sweep)

    sweeper.start()

    wait_for(lambda: swept, what="the end of a sweep")


def test_what_it_takes_along_stops_with_it(sweeper, sweeps):
    done = []
    sweeper.take_along(
        Repeater(lambda: done.append(1), name="test", seconds=lambda: 0.01)
    )
    sweeper.start()
    wait_for(lambda: done, what="the first time")

    sweeper.stop()

    assert not sweeper._beside[0]._runs()


@pytest.mark.django_db(transaction=True)
def test_without_redis_it_says_so_and_goes_on(no_redis, caplog):
    Event.objects.create(type="new_question", payload={})

    Sweeper().sweep()

    assert "sweep=postponed" in caplog.text
    assert Event.objects.pending().exists()


def test_without_a_database_it_says_so_and_goes_on(monkeypatch, caplog):
    def fail():
        raise DatabaseError("gone")

    monkeypatch.setattr(outbox, "sweep", fail)

    Sweeper().sweep()

    assert "sweep=postponed reason='gone'" in caplog.text


@pytest.mark.django_db(transaction=True)
def test_what_it_relayed_is_logged(log, caplog):
    Event.objects.create(type="new_question", payload={})

    with caplog.at_level("INFO"):
        Sweeper().sweep()

    assert "sweep=done relayed=1" in caplog.text
