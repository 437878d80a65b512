"""Reconnecting with a cursor: exactly the missed events, or else one reset."""

import pytest

from tests.system.asgi_site import site_for
from tests.system.crowd import wait_until_live
from tests.system.publisher import wait_for_event
from tests.system.server import wait_for
from tests.system.topics import asking, new_topics
from tests.system.transports import every_way

pytestmark = every_way

LOG_ENTRIES = 100
# Redis trims whole nodes of the stream, which hold this many entries.
NODE_ENTRIES = 100
MEGABYTE = 1_000_000


@pytest.fixture(scope="module")
def site(worker_class):
    environment = {
        "NOTIFICATIONS_LOG_MAX_ENTRIES": str(LOG_ENTRIES),
        "NOTIFICATIONS_RETRY_INTERVAL": "0.1",
        "NOTIFICATIONS_HEARTBEAT_INTERVAL": "1",
        # A loaded machine is not the fault under test.
        "NOTIFICATIONS_REDIS_TIMEOUT": "5",
    }
    with site_for(worker_class, environment=environment) as site:
        yield site


@pytest.fixture
def cursor(crowd, publisher, topic):
    """The cursor of a stream that received one event and was closed."""
    stream = crowd.open(asking([topic]))
    wait_until_live([stream])
    wait_for_event([stream], publisher.publish(topic))
    crowd.close(stream)
    return stream.events[-1].id


def publish(publisher, topic, count):
    """Publish this many events; return their uids."""
    for _ in range(count):
        publisher.ask(topic)
    publisher.wait()
    return publisher.uids[-count:]


def reconnect(crowd, publisher, topic, *, path="", **options):
    """Open a stream, publish one more event, and wait for it; return both."""
    stream = crowd.open(path or asking([topic]), **options)
    wait_until_live([stream])
    last = publisher.publish(topic)
    wait_for_event([stream], last)
    return stream, last


def assert_reset(stream, last):
    """Check that one reset came before the new event, and no older event."""
    assert [event.name for event in stream.events] == ["reset", "new_question"]
    assert stream.uids == [last]
    assert stream.statuses == [200]


def test_cursor_in_the_log_replays_exactly_the_missed_events(
    crowd, publisher, topic, cursor
):
    [other] = new_topics(1)
    missed = publish(publisher, topic, LOG_ENTRIES // 4)
    publish(publisher, other, LOG_ENTRIES // 4)

    stream, last = reconnect(crowd, publisher, topic, last_event_id=cursor)

    assert stream.uids == [*missed, last]
    assert stream.named("reset") == []


def test_newest_cursor_replays_nothing(crowd, publisher, topic, cursor):
    stream, last = reconnect(crowd, publisher, topic, last_event_id=cursor)

    assert stream.uids == [last]
    assert stream.named("reset") == []


def test_trimmed_cursor_gets_one_reset_and_no_partial_replay(
    crowd, publisher, topic, cursor
):
    publish(publisher, topic, LOG_ENTRIES + 2 * NODE_ENTRIES)

    stream, last = reconnect(crowd, publisher, topic, last_event_id=cursor)

    assert_reset(stream, last)


def test_stream_resumes_after_a_reset(crowd, publisher, topic):
    stream, first = reconnect(crowd, publisher, topic, last_event_id="1-1")
    crowd.break_off(stream)
    wait_for(lambda: stream.attached == 2, what="the stream to reconnect")
    last = publisher.publish(topic)
    wait_for_event([stream], last)

    assert stream.uids == [first, last]
    assert len(stream.named("reset")) == 1


def test_header_takes_precedence_over_the_query(crowd, publisher, topic, cursor):
    missed = publish(publisher, topic, 2)
    newest = reconnect(crowd, publisher, topic)[0].last_event_id
    path = asking([topic], last_event_id=cursor)

    stream, last = reconnect(crowd, publisher, topic, path=path, last_event_id=newest)

    assert stream.uids == [last]
    assert missed


NO_CURSORS = {
    "zero": "0",
    "the start": "0-0",
    "the future": "99999999999999-0",
    "another server": "1500000000000-3",
    "the largest": "18446744073709551615-18446744073709551615",
    "too large": "18446744073709551616-0",
    "negative": "-5-1",
    "no sequence": "1795165498123",
    "a wildcard of Redis": "$",
    "a uid": "5f0c2f4e-1d55-4b0e-8f1e-0d4c7d1f2a3b",
    "binary": b"\xff\xfe\x80",
    "digits of another script": "١٢٣-٤".encode(),
    "kilobytes": "7" * 4_000,
}


@pytest.mark.parametrize("text", NO_CURSORS.values(), ids=NO_CURSORS)
def test_unknown_cursor_in_the_header_gets_a_reset(crowd, publisher, topic, text):
    stream, last = reconnect(crowd, publisher, topic, last_event_id=text)

    assert_reset(stream, last)


IN_QUERY = {
    "zero": "0",
    "nothing": "",
    "binary": "%FF%FE%00",
    "negative": "-5-1",
    "twice": "1795165498123-0&last_event_id=1795165498123-0",
    "line end": "1795165498123-0%0A",
}


@pytest.mark.parametrize("text", IN_QUERY.values(), ids=IN_QUERY)
def test_invalid_cursor_in_the_query_gets_a_reset(crowd, publisher, topic, text):
    path = f"{asking([topic])}&last_event_id={text}"

    stream, last = reconnect(crowd, publisher, topic, path=path)

    assert_reset(stream, last)


def test_repeated_cursor_in_the_query_gets_a_reset(crowd, publisher, topic, cursor):
    publish(publisher, topic, 1)
    path = f"{asking([topic], last_event_id=cursor)}&last_event_id={cursor}"

    stream, last = reconnect(crowd, publisher, topic, path=path)

    assert_reset(stream, last)


@pytest.mark.parametrize("text", [b"1-\x001", b"1-1\x01"], ids=["nul", "control"])
def test_invalid_header_is_refused_or_gets_a_reset(crowd, topic, text):
    """uvicorn passes control characters on if it parses with httptools."""
    stream = crowd.open(asking([topic]), last_event_id=text)

    assert_refused_or_reset(stream)


def test_header_of_a_megabyte_is_refused_or_gets_a_reset(crowd, topic):
    """uvicorn has no limit of its own."""
    stream = crowd.open(asking([topic]), last_event_id=b"7" * MEGABYTE)

    assert_refused_or_reset(stream)


def test_query_of_a_megabyte_is_refused(crowd, topic):
    stream = crowd.open(asking([topic], last_event_id="7" * MEGABYTE))

    assert_refused(stream)


def assert_refused_or_reset(stream):
    wait_for(lambda: stream.statuses, what="an answer")
    if stream.statuses[0] == 200:
        wait_for(lambda: stream.named("reset"), what="a reset")
    else:
        assert_refused(stream)


def assert_refused(stream):
    """Check that the request was refused with a status of the 400s."""
    wait_for(lambda: stream.statuses, what="an answer")
    assert 400 <= stream.statuses[0] < 500
    assert stream.refused
