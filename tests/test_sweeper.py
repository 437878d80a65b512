import pytest
from django.db import DatabaseError

from notifications import outbox
from notifications.models import Event
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


def test_starting_twice_starts_one_thread(sweeper, sweeps):
    sweeper.start()
    thread = sweeper._thread
    sweeper.start()

    assert sweeper._thread is thread


def test_stopping_ends_it_and_is_harmless_twice(sweeper, sweeps):
    sweeper.start()
    sweeper.stop()
    done = len(sweeps)

    sweeper.stop()

    assert len(sweeps) == done


def test_without_an_interval_it_does_not_start(sweeper, sweeps, settings):
    settings.NOTIFICATIONS = {**settings.NOTIFICATIONS, "SWEEP_INTERVAL": 0}

    sweeper.start()

    assert sweeper._thread is None


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


@pytest.mark.filterwarnings("ignore::pytest.PytestUnhandledThreadExceptionWarning")
def test_a_thread_that_an_error_ended_is_started_again(sweeper, monkeypatch):
    def fail():
        raise RuntimeError("ours")

    monkeypatch.setattr(outbox, "sweep", fail)
    sweeper.start()
    first = sweeper._thread
    first.join()

    sweeper.start()

    assert sweeper._thread is not first
