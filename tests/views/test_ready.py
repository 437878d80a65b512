"""Readiness over HTTP: whether a process reads what it writes."""

import socket
import threading

import pytest
from django.apps import apps
from django.core.signals import request_started
from django.db import connection

from notifications import views
from notifications.lib.shared_result import SharedResult
from notifications.live.hub import shared_hub
from notifications.log import rights
from notifications.publishing.sweeper import sweep
from tests.databases import ON_POSTGRESQL
from tests.own_redis import PASSWORD, USER, as_site
from tests.system.proxy import Proxy
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


@pytest.mark.parametrize("method", ["get", "head"])
def test_process_is_ready_from_the_first_request_on(client, probes, method):
    response = getattr(client, method)(READY)

    assert response.status_code == 200
    assert "no-store" in response["Cache-Control"]


def test_process_that_has_just_read_a_probe_writes_none(client, probes, redis_client):
    client.get(READY)
    written = redis_client.info("commandstats")["cmdstat_xadd"]["calls"]

    assert client.get(READY).status_code == 200
    assert redis_client.info("commandstats")["cmdstat_xadd"]["calls"] == written


def test_process_that_reads_another_redis_is_not_ready(
    client, probes, link, settings, monkeypatch
):
    monkeypatch.setattr(views.readiness, "CONFIRM_SECONDS", 0.05)
    # As another user, since the site's own may not select a database.
    other = link().replace(f"{USER}:{PASSWORD}@", "") + "?db=1"

    def url():
        reads = threading.current_thread().name == "notifications-hub"
        return other if reads else link()

    settings.NOTIFICATIONS = {**settings.NOTIFICATIONS, "REDIS_URL": url}

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

    wait_for(lambda: shared_hub().interrupted, what="the interruption")
    response = client.get(READY)
    assert response.status_code == 503
    assert response.json()["problem"].startswith("the log cannot be read: ")


def test_process_whose_user_lacks_a_right_is_not_ready(
    client, probes, link, redis_client, settings
):
    rules = ["on", ">pw", *rights.rules("{*}"), "-zadd"]
    redis_client.execute_command("ACL", "SETUSER", "poor", *rules)
    url = link().replace(f"{USER}:{PASSWORD}", "poor:pw")
    settings.NOTIFICATIONS = {**settings.NOTIFICATIONS, "REDIS_URL": lambda: url}
    sweep()

    response = client.get(READY)

    assert response.status_code == 503
    assert "+zadd" in response.json()["problem"]
    redis_client.execute_command("ACL", "SETUSER", "poor", "+zadd")
    sweep()
    assert client.get(READY).status_code == 200


def test_process_whose_link_to_redis_falls_silent_is_soon_not_ready(
    client, redis_server, settings
):
    with Proxy(redis_server.socket) as proxy:
        settings.NOTIFICATIONS = {
            **settings.NOTIFICATIONS,
            "REDIS_URL": as_site(proxy.url),
            # The reader does not notice it.
            "LOG_READ_GRACE": 600,
        }
        assert client.get(READY).status_code == 200
        proxy.black_hole()

        wait_for(lambda: client.get(READY).status_code == 503, what="not ready")
        proxy.mend()
        wait_for(lambda: client.get(READY).status_code == 200, what="ready again")


@pytest.mark.skipif(not ON_POSTGRESQL, reason="SQLite is a file of this machine.")
@pytest.mark.parametrize("answers", ["refuses", "is silent"])
def test_process_that_cannot_reach_the_database_is_not_ready(
    client, monkeypatch, answers
):
    database = SharedResult(views.readiness._problem_of_database, seconds=0)
    monkeypatch.setattr(views.readiness, "_database", database)
    assert client.get(READY).json() == {"ready": True, "problem": ""}
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        if answers == "is silent":
            listener.listen()
        host, port = listener.getsockname()
        monkeypatch.setitem(connection.settings_dict, "HOST", host)
        monkeypatch.setitem(connection.settings_dict, "PORT", port)

        response = client.get(READY)

    assert response.status_code == 503
    assert response.json()["problem"] == "the database cannot be reached"
