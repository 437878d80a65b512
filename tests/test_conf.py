import math
import re

import pytest

from notifications.conf import SETTINGS, conf
from notifications.exceptions import InvalidSetting, shorten
from notifications.publishing.followables import public_topics


def public(user, topic):
    """Allow everybody everything."""
    return True


def address():
    return "redis://127.0.0.1:1/0"


NO_CALLABLE = 7

# By key: what a site or its environment may write, and what is read then.
ACCEPTED = {
    "REDIS_TIMEOUT": [(1, 1.0), (0.5, 0.5), ("0.5", 0.5), (0.01, 0.01)],
    "REDIS_BREAKER_TIMEOUT": [(0, 0.0), ("2.5", 2.5)],
    "KEY_PREFIX": [("blog", "blog"), ("my-site_2", "my-site_2")],
    "LOG_MAX_ENTRIES": [(100, 100), ("5000", 5_000)],
    "DEDUPLICATION_WINDOW": [(60, 60), ("3600", 3_600)],
    "SESSION_CACHE_TTL": [(0, 0.0), ("60", 60.0)],
    "DRAIN_TIMEOUT": [(0, 0.0), ("2.5", 2.5)],
    "REPLAY_BUFFER_BYTES": [(0, 0), ("1000", 1_000)],
    "LOG_READ_TIMEOUT": [(0.1, 0.1), ("2", 2.0)],
    "LOG_READ_GRACE": [(0.1, 0.1), ("2", 2.0)],
    "POLL_TIMEOUT": [(0.1, 0.1), ("5", 5.0)],
    "HEARTBEAT_INTERVAL": [(0.1, 0.1), ("30", 30.0)],
    "RETRY_INTERVAL": [(0, 0.0), ("1.5", 1.5)],
    "CLIENT_BUFFER_BYTES": [(1_024, 1_024), ("4096", 4_096)],
    "SEND_BUFFER_BYTES": [(1_024, 1_024), ("4096", 4_096)],
    "CLIENT_TIMEOUT": [(0.1, 0.1), ("30", 30.0)],
    "STREAM_LIFETIME": [(1, 1.0), ("600", 600.0)],
    "MAX_STREAMS": [(1, 1), ("500", 500)],
    "MAX_STREAMS_PER_PERSON": [(1, 1), ("20", 20)],
    "MAX_STREAMS_PER_ADDRESS": [(1, 1), ("500", 500)],
    "ADDRESS_HEADER": [
        ("REMOTE_ADDR", "REMOTE_ADDR"),
        ("http_x_real_ip", "HTTP_X_REAL_IP"),
    ],
    "MAX_PAYLOAD_BYTES": [(64, 64), ("1000", 1_000)],
    "MAX_TOPICS_PER_EVENT": [(1, 1), ("7", 7)],
    "MAX_TOPICS_PER_STREAM": [(1, 1), ("7", 7)],
    "PUBSUB_CHANNELS": [
        (["sse", "chat"], ("sse", "chat")),
        (("sse",), ("sse",)),
        ("sse, chat", ("sse", "chat")),
        ("", ()),
        ([], ()),
    ],
    "AUTHORIZE": [(public, public), (f"{__name__}.public", public)],
    "SWEEP_INTERVAL": [(0, 0.0), ("0", 0.0), ("2.5", 2.5)],
    "SWEEP_BATCH": [(1, 1), ("50", 50)],
}
NO_NUMBER = ["", "many", "1,000", None, [], math.nan, math.inf, "nan", "inf", -1, "-1"]
NO_SECONDS = NO_NUMBER
NO_INTEGER = [*NO_NUMBER, 1_000_000.5, "1000000.5", 10**400]
REFUSED = {
    "REDIS_URL": ["", "127.0.0.1", "http://127.0.0.1", None, 6379, "no.such.thing"],
    "REDIS_TIMEOUT": [*NO_SECONDS, 0],
    "REDIS_BREAKER_TIMEOUT": NO_SECONDS,
    "KEY_PREFIX": ["", "a b", "a:b", "{a}", "a\n", None, 7],
    "LOG_MAX_ENTRIES": [*NO_INTEGER, 99],
    "DEDUPLICATION_WINDOW": [*NO_INTEGER, 59],
    "SESSION_CACHE_TTL": NO_SECONDS,
    "DRAIN_TIMEOUT": NO_SECONDS,
    "REPLAY_BUFFER_BYTES": NO_INTEGER,
    "LOG_READ_TIMEOUT": [*NO_SECONDS, 0.05],
    "LOG_READ_GRACE": [*NO_SECONDS, 0.05],
    "POLL_TIMEOUT": [*NO_SECONDS, 0.05],
    "HEARTBEAT_INTERVAL": [*NO_SECONDS, 0.05],
    "RETRY_INTERVAL": NO_SECONDS,
    "CLIENT_BUFFER_BYTES": [*NO_INTEGER, 1_023],
    "SEND_BUFFER_BYTES": [*NO_INTEGER, 1_023],
    "CLIENT_TIMEOUT": [*NO_SECONDS, 0.05],
    "STREAM_LIFETIME": [*NO_SECONDS, 0.5],
    "MAX_STREAMS": [*NO_INTEGER, 0],
    "MAX_STREAMS_PER_PERSON": [*NO_INTEGER, 0],
    "MAX_STREAMS_PER_ADDRESS": [*NO_INTEGER, 0],
    "ADDRESS_HEADER": ["", "X-Real-IP", None, 7],
    "MAX_PAYLOAD_BYTES": [*NO_INTEGER, 63],
    "MAX_TOPICS_PER_EVENT": [*NO_INTEGER, 0],
    "MAX_TOPICS_PER_STREAM": [*NO_INTEGER, 0],
    "PUBSUB_CHANNELS": [None, 7, [7], ["a\0"], "a\nb"],
    "AUTHORIZE": ["", "public", "no.such.thing", f"{__name__}.NO_CALLABLE", None, 7],
    "SWEEP_INTERVAL": NO_SECONDS,
    "SWEEP_BATCH": [*NO_INTEGER, 0],
}


def cases(by_key):
    return [(key, each) for key, several in by_key.items() for each in several]


@pytest.fixture
def configure(settings):
    def configure(**values):
        settings.NOTIFICATIONS = values

    return configure


@pytest.mark.parametrize("key", SETTINGS)
def test_missing_setting_has_its_default(configure, settings, key):
    configure()
    by_default = getattr(conf, key)

    configure(**{key: SETTINGS[key].default})
    written = getattr(conf, key)

    assert by_default == written or by_default() == written()


def test_site_may_have_no_settings(settings):
    del settings.NOTIFICATIONS

    assert conf.SWEEP_BATCH == 500


def name(value):
    """Return the name of a case, which is the same in each run."""
    return re.sub(r" at 0x\w+", "", shorten(value))


@pytest.mark.parametrize(("key", "pair"), cases(ACCEPTED), ids=name)
def test_valid_value_is_parsed(configure, key, pair):
    written, expected = pair

    configure(**{key: written})

    assert getattr(conf, key) == expected
    assert type(getattr(conf, key)) is type(expected)


@pytest.mark.parametrize("url", ["redis://h:1/0", "rediss://h", "unix:///run/r.sock"])
def test_redis_url_may_be_a_string(configure, url):
    configure(REDIS_URL=url)

    assert conf.REDIS_URL() == url


@pytest.mark.parametrize("written", [address, f"{__name__}.address"])
def test_redis_url_may_be_a_callable(configure, written):
    configure(REDIS_URL=written)

    assert conf.REDIS_URL() == "redis://127.0.0.1:1/0"


def test_topic_kinds_decide_who_may_stream_by_default(configure):
    configure()

    assert conf.AUTHORIZE is public_topics


@pytest.mark.parametrize(("key", "written"), cases(REFUSED), ids=name)
def test_invalid_value_raises(configure, key, written):
    configure(**{key: written})

    with pytest.raises(InvalidSetting) as caught:
        getattr(conf, key)

    assert caught.value.key == key
    assert f"NOTIFICATIONS['{key}']" in str(caught.value)
    assert str(caught.value).endswith(f"expected {SETTINGS[key].expected}")


def test_changed_setting_is_parsed_again(configure):
    configure(SWEEP_BATCH=1)
    assert conf.SWEEP_BATCH == 1

    configure(SWEEP_BATCH=2)

    assert conf.SWEEP_BATCH == 2


def test_setting_is_parsed_once(configure, monkeypatch):
    parsed = []
    setting = SETTINGS["SWEEP_BATCH"]
    monkeypatch.setattr(setting, "parse", lambda value: parsed.append(value) or 7)
    configure(SWEEP_BATCH=7)

    assert [conf.SWEEP_BATCH, conf.SWEEP_BATCH] == [7, 7]
    assert parsed == [7]


def test_few_settings_are_public():
    assert len([each for each in SETTINGS.values() if each.public]) <= 24


def test_every_setting_has_valid_and_invalid_values_here():
    assert {*ACCEPTED, "REDIS_URL"} == {*REFUSED} == {*SETTINGS}
