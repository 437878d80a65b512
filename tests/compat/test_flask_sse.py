"""Flask-SSE's `publish`, under Django, Flask and alone."""

import json
import subprocess
import sys
from types import SimpleNamespace

import pytest
from django.conf import settings as django_settings
from django.core.exceptions import ImproperlyConfigured

from notifications.compat.flask_sse import sse
from notifications.conf import conf
from notifications.exceptions import LogUnavailable
from tests import ROOT

PUBLISH = """
from notifications.compat.flask_sse import sse
from notifications.conf import conf
print(sse.publish({"a": 1}, type="chat", id=7, retry=100, channel="news"))
"""


@pytest.fixture
def subscribed(redis_client):
    """A bare subscriber of a channel, which returns its next message as JSON."""
    with redis_client.pubsub() as pubsub:
        pubsub.subscribe("sse", "news")
        for _ in range(2):
            assert pubsub.get_message(timeout=10)["type"] == "subscribe"

        def next_message():
            message = pubsub.get_message(ignore_subscribe_messages=True, timeout=10)
            return message["channel"].decode(), json.loads(message["data"])

        yield next_message


def test_message_has_the_form_of_flask_sse(log, subscribed):
    reached = sse.publish({"a": 1}, type="chat", id="7", retry=3, channel="news")

    assert reached == 1
    fields = {"data": {"a": 1}, "type": "chat", "id": "7", "retry": 3}
    assert subscribed() == ("news", fields)


def test_data_alone_goes_to_the_channel_sse(log, subscribed):
    sse.publish("hello")

    assert subscribed() == ("sse", {"data": "hello"})


@pytest.mark.parametrize("name", ["SSE_REDIS_URL", "REDIS_URL"])
def test_script_without_django_publishes_by_its_environment(log, subscribed, name):
    url = conf.REDIS_URL()

    done = subprocess.run(
        [sys.executable, "-c", PUBLISH],
        cwd=ROOT,
        env={name: url},
        capture_output=True,
        text=True,
        check=True,
    )

    assert done.stdout == "1\n"
    fields = {"data": {"a": 1}, "type": "chat", "id": 7, "retry": 100}
    assert subscribed() == ("news", fields)


@pytest.fixture
def without_django(monkeypatch):
    """A process that Django's settings were not loaded in."""
    monkeypatch.setattr(
        "notifications.compat.flask_sse.settings", SimpleNamespace(configured=False)
    )
    for name in ("DJANGO_SETTINGS_MODULE", "REDIS_URL", "SSE_REDIS_URL"):
        monkeypatch.delenv(name, raising=False)


def test_flask_application_publishes_by_its_configuration(
    log, subscribed, without_django, monkeypatch
):
    config = {"REDIS_URL": conf.REDIS_URL()}
    flask = SimpleNamespace(current_app=SimpleNamespace(config=config))
    monkeypatch.setitem(sys.modules, "flask", flask)

    sse.publish("hello")

    assert subscribed() == ("sse", {"data": "hello"})


def test_missing_configuration_is_named(without_django):
    with pytest.raises(ImproperlyConfigured, match="REDIS_URL"):
        sse.publish("hello")


def test_unreachable_redis_raises(no_redis):
    assert django_settings.configured
    with pytest.raises(LogUnavailable):
        sse.publish("hello")
