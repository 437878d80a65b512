"""Invalid messages on a channel are dropped, counted and logged, and stop nothing."""

import json
import pickle
import time
import uuid

import pytest
from hypothesis import given
from hypothesis import strategies as st

from notifications.lib.log_throttle import LINES_PER_WINDOW
from notifications.live.connection import Connection
from notifications.live.pubsub import shared_pubsub
from notifications.protocol.frames import heartbeat
from tests.properties import texts
from tests.properties.effort import patient, shared_fixtures
from tests.properties.parsers import read
from tests.properties.poison import (
    DEEP,
    HUGE,
    Bomb,
    assert_logged_briefly,
    bodies,
    texts_or_json,
)
from tests.system.server import wait_for

pytestmark = patient

# Messages that a channel skips.
BAD_MESSAGES = [
    b"",
    b"hello\nmessage=forged",
    bytes(range(256)),
    pickle.dumps(Bomb()),
    DEEP,
    b'{"data":' + DEEP + b"}",
    b'{"type":"chat"}',
    b'{"data":1,"type":"a\\nb"}',
    b'{"data":1,"type":"a\\r\\nid: 1-1"}',
    b'{"data":1,"id":"a\\u0000b"}',
    b'{"data":1,"id":1.5}',
    b'{"data":1,"id":' + HUGE + b"}",
    b'{"data":' + HUGE + b"}",
    b'{"data":"\\ud800"}',
]
messages = st.one_of(
    bodies,
    st.fixed_dictionaries(
        {"data": texts_or_json},
        optional={"type": texts.anything, "id": texts.anything | st.integers()},
    ).map(lambda message: json.dumps(message).encode()),
    st.builds(
        lambda depth: b'{"data":' + b"[" * depth + b"]" * depth + b"}",
        st.integers(900, 1_100),
    ),
)


@pytest.fixture
def listen(redis_client):
    """A function that opens a connection to the channel."""
    connections = []

    def listen():
        connection = Connection(channels=["sse"])
        shared_pubsub().attach(connection)
        connections.append(connection)
        return connection

    yield listen
    for connection in connections:
        shared_pubsub().detach(connection)


def good_message(connection, redis_client):
    """Publish a valid message; return the bytes up to it."""
    token = uuid.uuid4().hex
    redis_client.publish("sse", json.dumps({"data": token, "type": "good"}))
    frames = []
    wait_for(
        lambda: (
            frames.extend(connection.transport.take(seconds=0.1))
            or (frames and token.encode() in frames[-1].body)
        ),
        what="the good message",
    )
    return b"".join(frame.body for frame in frames)


def test_much_poison_on_a_channel_is_counted_and_logged_on_a_few_lines(
    listen, redis_client, caplog
):
    began = time.monotonic()
    connection = listen()

    for _ in range(20):
        for body in BAD_MESSAGES:
            redis_client.publish("sse", body)
    stream = good_message(connection, redis_client)

    assert [each.name for each in read(stream, sizes=[50])] == ["good"]
    assert shared_pubsub().unreadable == 20 * len(BAD_MESSAGES)
    assert len(caplog.messages) >= LINES_PER_WINDOW
    assert_logged_briefly(caplog, began=began)


@shared_fixtures(300)
@given(body=messages, sizes=texts.sizes)
def test_valid_message_arrives_after_any_message_on_a_channel(
    listen, redis_client, caplog, body, sizes
):
    began = time.monotonic()
    caplog.clear()
    connection = listen()
    before = shared_pubsub().unreadable

    redis_client.publish("sse", body)
    stream = good_message(connection, redis_client)

    dropped = shared_pubsub().unreadable - before
    *others, last = read(heartbeat().body + stream, sizes=sizes)
    assert last.name == "good"
    assert len(others) == 2 - dropped
    shared_pubsub().detach(connection)
    assert_logged_briefly(caplog, began=began)
