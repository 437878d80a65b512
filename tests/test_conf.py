import math
import re

import pytest

from notifications.conf import SETTINGS, conf
from notifications.exceptions import InvalidSetting, shorten
from notifications.publishing.followables import public_topics


def public(user, topic):
    """Allow every topic."""
    return True


def named(users):
    """Name no user."""
    return {}


def address():
    return "redis://127.0.0.1:1/0"


NOT_CALLABLE = 7

# By key: values that a site or its environment may set, and what they become.
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
    "HEAD_TIMEOUT": [(0.1, 0.1), ("30", 30.0)],
    "BODY_TIMEOUT": [(0.1, 0.1), ("30", 30.0)],
    "REPLY_TIMEOUT": [(0.1, 0.1), ("30", 30.0)],
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
    "ACTOR": [(named, named), (f"{__name__}.named", named)],
    "SWEEP_INTERVAL": [(0, 0.0), ("0", 0.0), ("2.5", 2.5)],
    "SWEEP_BATCH": [(1, 1), ("50", 50)],
    "STRICT": [
        *[(value, True) for value in (True, "true", "True", "1")],
        *[(value, False) for value in (False, "false", "False", "0")],
    ],
}
NOT_A_NUMBER = [
    "",
    "many",
    "1,000",
    None,
    [],
    math.nan,
    math.inf,
    "nan",
    "inf",
    -1,
    "-1",
]
INVALID_SECONDS = NOT_A_NUMBER
INVALID_INTEGERS = [*NOT_A_NUMBER, 1_000_000.5, "1000000.5", 10**400]
REFUSED = {
    "REDIS_URL": ["", "127.0.0.1", "http://127.0.0.1", None, 6379, "no.such.thing"],
    "REDIS_TIMEOUT": [*INVALID_SECONDS, 0],
    "REDIS_BREAKER_TIMEOUT": INVALID_SECONDS,
    "KEY_PREFIX": ["", "a b", "a:b", "{a}", "a\n", None, 7],
    "LOG_MAX_ENTRIES": [*INVALID_INTEGERS, 99],
    "DEDUPLICATION_WINDOW": [*INVALID_INTEGERS, 59],
    "SESSION_CACHE_TTL": INVALID_SECONDS,
    "DRAIN_TIMEOUT": INVALID_SECONDS,
    "REPLAY_BUFFER_BYTES": INVALID_INTEGERS,
    "LOG_READ_TIMEOUT": [*INVALID_SECONDS, 0.05],
    "LOG_READ_GRACE": [*INVALID_SECONDS, 0.05],
    "POLL_TIMEOUT": [*INVALID_SECONDS, 0.05],
    "HEARTBEAT_INTERVAL": [*INVALID_SECONDS, 0.05],
    "RETRY_INTERVAL": INVALID_SECONDS,
    "CLIENT_BUFFER_BYTES": [*INVALID_INTEGERS, 1_023],
    "SEND_BUFFER_BYTES": [*INVALID_INTEGERS, 1_023],
    "CLIENT_TIMEOUT": [*INVALID_SECONDS, 0.05],
    "HEAD_TIMEOUT": [*INVALID_SECONDS, 0.05],
    "BODY_TIMEOUT": [*INVALID_SECONDS, 0.05],
    "REPLY_TIMEOUT": [*INVALID_SECONDS, 0.05],
    "STREAM_LIFETIME": [*INVALID_SECONDS, 0.5],
    "MAX_STREAMS": [*INVALID_INTEGERS, 0],
    "MAX_STREAMS_PER_PERSON": [*INVALID_INTEGERS, 0],
    "MAX_STREAMS_PER_ADDRESS": [*INVALID_INTEGERS, 0],
    "ADDRESS_HEADER": ["", "X-Real-IP", None, 7],
    "MAX_PAYLOAD_BYTES": [*INVALID_INTEGERS, 63],
    "MAX_TOPICS_PER_EVENT": [*INVALID_INTEGERS, 0],
    "MAX_TOPICS_PER_STREAM": [*INVALID_INTEGERS, 0],
    "PUBSUB_CHANNELS": [None, 7, [7], ["a\0"], "a\nb"],
    "AUTHORIZE": ["", "public", "no.such.thing", f"{__name__}.NOT_CALLABLE", None, 7],
    "ACTOR": ["", "named", "no.such.thing", f"{__name__}.NOT_CALLABLE", None, 7],
    "SWEEP_INTERVAL": INVALID_SECONDS,
    "SWEEP_BATCH": [*INVALID_INTEGERS, 0],
    "STRICT": ["", "maybe", 2, [], "None"],
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
    value = getattr(conf, key)

    assert by_default == value or by_default() == value()


def test_site_may_have_no_settings(settings):
    del settings.NOTIFICATIONS

    assert conf.SWEEP_BATCH == 500


def name(value):
    """Return the name of a test case, which is the same in each run."""
    return re.sub(r" at 0x\w+", "", shorten(value))


@pytest.mark.parametrize(("key", "pair"), cases(ACCEPTED), ids=name)
def test_valid_value_is_parsed(configure, key, pair):
    value, expected = pair

    configure(**{key: value})

    assert getattr(conf, key) == expected
    assert type(getattr(conf, key)) is type(expected)


@pytest.mark.parametrize("url", ["redis://h:1/0", "rediss://h", "unix:///run/r.sock"])
def test_redis_url_may_be_a_string(configure, url):
    configure(REDIS_URL=url)

    assert conf.REDIS_URL() == url


@pytest.mark.parametrize("value", [address, f"{__name__}.address"])
def test_redis_url_may_be_a_callable(configure, value):
    configure(REDIS_URL=value)

    assert conf.REDIS_URL() == "redis://127.0.0.1:1/0"


@pytest.mark.parametrize("debug", [True, False])
def test_debug_decides_whether_to_be_strict_by_default(configure, settings, debug):
    configure()

    settings.DEBUG = debug

    assert conf.STRICT is debug


def test_topic_kinds_decide_who_may_stream_by_default(configure):
    configure()

    assert conf.AUTHORIZE is public_topics


@pytest.mark.parametrize(("key", "value"), cases(REFUSED), ids=name)
def test_invalid_value_raises(configure, key, value):
    configure(**{key: value})

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
