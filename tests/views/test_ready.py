"""Readiness over HTTP: whether a process reads what it writes."""

import pytest
from django.apps import apps
from django.core.signals import request_started

from tests.system.server import wait_for

pytestmark = pytest.mark.django_db(transaction=True)

READY = "/notifications/ready/"


@pytest.fixture
def probes(settings):
    """The settings of a process that writes probes; here no thread writes them."""
    uid = "notifications"
    request_started.disconnect(dispatch_uid=uid)
    settings.NOTIFICATIONS = {**settings.NOTIFICATIONS, "SWEEP_INTERVAL": 5}
    yield
    config = apps.get_app_config("notifications")
    request_started.connect(config.start_threads, dispatch_uid=uid)


def test_process_that_reads_its_probe_is_ready(client, log, probes):
    client.get(READY)
    log.probe()

    wait_for(lambda: client.get(READY).status_code == 200, what="readiness")


def test_process_that_does_not_read_its_probe_is_not_ready(client, probes):
    response = client.get(READY)

    assert response.status_code == 503
    assert "not read" in response.json()["problem"]


def test_process_without_redis_is_not_ready(client, no_redis):
    response = client.get(READY)

    assert response.status_code == 503
    assert response.json()["ready"] is False


def test_process_that_cannot_read_the_log_is_not_ready(client, link):
    assert client.get(READY).json() == {"ready": True, "problem": ""}
    link.cut()

    wait_for(lambda: client.get(READY).status_code == 503, what="the interruption")
    assert client.get(READY).json()["problem"] == "the log cannot be read"
