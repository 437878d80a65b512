import json
import threading

import pytest

from notifications.exceptions import LogUnavailable
from notifications.live.connection import Connection, State
from notifications.live.pubsub import encode, shared_pubsub
from tests.system.server import wait_for


@pytest.fixture
def pubsub(log):
    return shared_pubsub()


@pytest.fixture
def connection(pubsub):
    connection = Connection(channels=["sse"])
    pubsub.attach(connection)
    return connection


def taken(connection):
    return [frame.body for frame in connection.transport.take(seconds=30)]


def test_flask_sse_message_is_pushed(connection, redis_client):
    message = {"data": {"question": "which?"}, "type": "new_answers", "id": 7}

    redis_client.publish("sse", json.dumps(message))

    assert taken(connection) == [
        b'id: 7\nevent: new_answers\ndata: {"question":"which?"}\n\n'
    ]


def test_string_is_sent_unchanged_and_the_type_is_optional():
    assert encode(b'{"data": "one\\ntwo"}') == b"data: one\ndata: two\n\n"


@pytest.mark.parametrize(
    "body",
    [
        b"hello",
        b"[]",
        b"{}",
        b"\x80\x04]",
        b"[" * 10_000,
        b'{"data": 1, "type": 5}',
        b'{"data": 1, "type": "server_closed"}',
        b'{"data": 1, "type": "a\\nb"}',
        b'{"data": 1, "id": "a\\u0000b"}',
    ],
)
def test_invalid_message_raises(body):
    with pytest.raises(ValueError, match=r"."):
        encode(body)


def test_invalid_message_is_dropped_and_counted(
    pubsub, connection, redis_client, caplog
):
    redis_client.publish("sse", b"nonsense\nmessage=forged")
    redis_client.publish("sse", b'{"data": "sense"}')

    assert taken(connection) == [b"data: sense\n\n"]
    assert pubsub.unreadable == 1
    assert len(caplog.messages) == 1
    assert "\n" not in caplog.messages[0]


def test_message_on_another_channel_is_not_pushed(connection, redis_client, settings):
    redis_client.publish("other", b'{"data": "other"}')
    redis_client.publish("sse", b'{"data": "mine"}')

    assert taken(connection) == [b"data: mine\n\n"]


def test_each_connection_gets_the_messages_of_its_channels(
    pubsub, redis_client, settings
):
    settings.NOTIFICATIONS = {
        **settings.NOTIFICATIONS,
        "PUBSUB_CHANNELS": ["sse", "chat"],
    }
    chat, sse = Connection(channels=["chat"]), Connection(channels=["sse"])
    pubsub.attach(chat)
    pubsub.attach(sse)

    redis_client.publish("chat", b'{"data": "in chat"}')
    redis_client.publish("sse", b'{"data": "in sse"}')

    assert taken(sse) == [b"data: in sse\n\n"]
    assert taken(chat) == [b"data: in chat\n\n"]


def test_the_subscription_ends_with_the_last_stream(pubsub, connection, redis_client):
    assert redis_client.pubsub_numsub("sse") == [(b"sse", 1)]

    pubsub.detach(connection)

    wait_for(
        lambda: redis_client.pubsub_numsub("sse") == [(b"sse", 0)],
        what="the end of the subscription",
    )
    assert connection.state is State.CLOSED


def test_stream_after_a_stop_subscribes_again(pubsub, connection, redis_client):
    pubsub.stop()
    again = Connection(channels=["sse"])
    pubsub.attach(again)

    redis_client.publish("sse", b'{"data": "again"}')

    assert taken(again) == [b"data: again\n\n"]


def test_interrupted_subscription_is_restored(connection, link, redis_client, caplog):
    link.cut()
    wait_for(lambda: "interrupted" in caplog.text, what="the interruption")
    link.mend()

    wait_for(
        lambda: redis_client.publish("sse", b'{"data": "back"}') == 1,
        what="the subscription",
    )
    assert taken(connection) == [b"data: back\n\n"]


def test_without_redis_a_connection_is_not_attached(no_redis, monkeypatch):
    monkeypatch.setattr("notifications.live.pubsub.SUBSCRIBE_SECONDS", 0.1)
    connection = Connection(channels=["sse"])

    with pytest.raises(LogUnavailable):
        shared_pubsub().attach(connection)

    assert connection.state is State.CLOSED


def test_ended_thread_does_not_close_the_connections_of_the_next_one(
    pubsub, connection, redis_client
):
    ended = threading.Thread(target=pubsub._audience._end, args=["stopped"])
    ended.start()
    ended.join()

    redis_client.publish("sse", b'{"data": "once"}')

    assert taken(connection) == [b"data: once\n\n"]
    assert connection.state is State.OPEN


def test_connection_that_comes_as_the_subscription_ends_is_sent_messages(
    pubsub, redis_client, monkeypatch
):
    first, late = Connection(channels=["sse"]), Connection(channels=["sse"])
    pubsub.attach(first)
    current, subscribe = pubsub._audience.connections, pubsub._log.subscribe
    came, subscriptions = [], []

    def connections():
        found = current()
        if not found and not came:
            came.append(late)
            pubsub.attach(late)
        return found

    def count(*arguments, **options):
        subscriptions.append(arguments)
        return subscribe(*arguments, **options)

    monkeypatch.setattr(pubsub._audience, "connections", connections)
    monkeypatch.setattr(pubsub._log, "subscribe", count)
    pubsub.detach(first)
    wait_for(lambda: came, what="the other connection")
    redis_client.publish("sse", b'{"data": "once"}')

    assert taken(late) == [b"data: once\n\n"]
    assert subscriptions == []
