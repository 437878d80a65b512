import pytest
from django.db import DatabaseError

from notifications.log.stream import shared_log
from notifications.models import Event
from notifications.publishing import outbox
from notifications.publishing.lost_entries import lost_entries
from notifications.publishing.sweeper import sweep, sweeper
from tests.system.proxy import Proxy
from tests.system.server import wait_for


@pytest.fixture
def sweeps(monkeypatch):
    """A list that grows with each sweep."""
    done = []
    monkeypatch.setattr(outbox, "sweep", lambda: done.append(1) or 0)
    monkeypatch.setattr(lost_entries, "relay", lambda aliases: None)
    return done


def test_sweeper_sweeps_repeatedly(sweeps, settings):
    settings.NOTIFICATIONS = {**settings.NOTIFICATIONS, "SWEEP_INTERVAL": 0.01}

    sweeper.start()

    wait_for(lambda: len(sweeps) > 2, what="three sweeps")
    sweeper.stop()


def test_interval_of_zero_never_sweeps(sweeps, settings):
    settings.NOTIFICATIONS = {**settings.NOTIFICATIONS, "SWEEP_INTERVAL": 0}

    sweeper.start()
    sweeper.stop()

    assert sweeps == []


@pytest.mark.django_db(transaction=True)
def test_sweep_without_redis_is_logged(no_redis, caplog):
    Event.objects.create(type="new_question", payload={})

    sweep()

    assert "sweep=postponed" in caplog.text
    assert Event.objects.pending().exists()


def test_sweep_without_a_database_is_logged(monkeypatch, caplog):
    def fail():
        raise DatabaseError("gone")

    monkeypatch.setattr(outbox, "sweep", fail)
    monkeypatch.setattr(lost_entries, "relay", lambda aliases: None)

    sweep()

    assert "sweep=postponed reason='gone'" in caplog.text


@pytest.mark.django_db(transaction=True)
def test_number_of_relayed_entries_is_logged(log, caplog):
    Event.objects.create(type="new_question", payload={})

    with caplog.at_level("INFO"):
        sweep()

    assert "sweep=done relayed=1" in caplog.text


@pytest.mark.django_db(transaction=True)
def test_sweep_waits_for_a_redis_that_is_too_slow_for_requests(redis_server, settings):
    event = Event.objects.create(type="new_question", payload={})
    with Proxy(redis_server.socket) as proxy:
        proxy.delay(0.02)
        settings.NOTIFICATIONS = {
            **settings.NOTIFICATIONS,
            "REDIS_TIMEOUT": 0.01,
            "REDIS_URL": lambda: proxy.url,
        }

        sweep()
        shared_log().close()

    event.refresh_from_db()
    assert event.relayed is not None
