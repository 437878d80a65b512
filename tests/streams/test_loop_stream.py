"""Streams in an event loop, as ASGI servers send them."""

import asyncio
import json
import os
import signal
import threading

import pytest
from asgiref.sync import ThreadSensitiveContext, sync_to_async
from django.test import AsyncRequestFactory, RequestFactory

from notifications.live.connection import Connection, State
from notifications.live.subscriber import Subscriber
from notifications.live.transports import QueueTransport
from notifications.protocol import frames
from notifications.protocol.cursor import Cursor
from notifications.protocol.frames import Batch
from notifications.protocol.subscriptions import NO_SUBSCRIPTIONS
from notifications.streams import exit_signals
from notifications.streams.event_stream import ConnectionResponse, EventStream
from notifications.streams.long_polling import poll
from notifications.streams.open_stream import ANONYMOUS, Client
from tests.clients import frame

SECONDS = 30
EVENT = b"id: 5-0\nevent: new_question\ndata: {}\n\n"


@pytest.fixture(autouse=True)
def no_handlers(monkeypatch):
    """Leave the signals of the test process alone."""
    monkeypatch.setattr("notifications.streams.loop_stream.drain_on_exit", lambda: None)


def stream_of(connection, *, missed=(), started=None, ended=None):
    return EventStream(
        connection,
        connection.transport,
        missed=iter([Batch(missed)] if missed else []),
        heartbeat_for=lambda connection: Batch([frames.heartbeat(Cursor(9, 0))]),
        on_start=started or (lambda: None),
        on_end=ended or (lambda connection: None),
        is_async=True,
    )


def in_loop(coroutine):
    """Run a coroutine in an event loop, for a limited time."""
    return asyncio.run(asyncio.wait_for(coroutine, SECONDS))


async def take(chunks, number):
    return [await anext(chunks) for _ in range(number)]


def in_thread(function, *args, **options):
    """Run a function in a thread, as the hub does, and wait for its end."""
    thread = threading.Thread(target=function, args=args, kwargs=options)
    thread.start()
    thread.join()


def test_what_another_thread_pushes_follows_what_was_missed():
    connection = Connection()

    async def main():
        chunks = aiter(ConnectionResponse(stream_of(connection, missed=[frame(1)])))
        opening = await take(chunks, 2)
        live = asyncio.create_task(anext(chunks))
        # Lets it wait.
        await asyncio.sleep(0)
        in_thread(connection.push, Batch([frame(2), frame(3)]))
        return [*opening, await live]

    assert in_loop(main()) == [
        b"retry: 3000\n",
        b"data: 1\n\n",
        b"data: 2\n\ndata: 3\n\n",
    ]


def test_closed_connection_sends_what_waits_and_the_reason():
    connection = Connection()

    async def main():
        chunks = aiter(ConnectionResponse(stream_of(connection)))
        await take(chunks, 1)
        rest = asyncio.create_task(list_of(chunks))
        await asyncio.sleep(0)
        in_thread(connection.push, Batch([frame(1)]))
        in_thread(connection.close, "stopped", drain=True)
        return await rest

    assert b"".join(in_loop(main())) == (
        b'data: 1\n\nevent: server_closed\ndata: {"reason":"stopped"}\n\n'
    )


async def list_of(chunks):
    return [chunk async for chunk in chunks]


def test_idle_stream_gets_heartbeats(settings):
    settings.NOTIFICATIONS = {**settings.NOTIFICATIONS, "HEARTBEAT_INTERVAL": 0.1}

    async def main():
        return await take(aiter(ConnectionResponse(stream_of(Connection()))), 3)

    assert all(b"event: heartbeat" in each for each in in_loop(main())[1:])


def test_stream_ends_when_it_expires():
    now = [0.0]
    connection = Connection(Subscriber(seconds=60), clock=lambda: now[0])

    async def main():
        chunks = aiter(ConnectionResponse(stream_of(connection)))
        await take(chunks, 1)
        now[0] = 60
        return await list_of(chunks)

    assert in_loop(main()) == [b'event: server_closed\ndata: {"reason":"expired"}\n\n']


def test_client_that_does_not_read_is_cut():
    connection = Connection(transport=QueueTransport(buffer_bytes=1_024))

    async def send():
        async for _ in aiter(ConnectionResponse(stream_of(connection))):
            connection.push(Batch([frame(1, b"x" * 2_000)]))
            connection.push(Batch([frame(2)]))
            # As a server does while the socket is full.
            await asyncio.Event().wait()

    with pytest.raises(asyncio.CancelledError):
        in_loop(send())

    assert connection.state is State.CLOSED
    assert connection.close_reason == "slow"


def test_open_stream_holds_no_thread_of_its_request():
    threads = []

    async def main():
        async with ThreadSensitiveContext():
            # As Django runs a view.
            thread = await sync_to_async(threading.current_thread)()
            chunks = aiter(
                ConnectionResponse(
                    stream_of(
                        Connection(),
                        missed=[frame(1)],
                        started=lambda: threads.append(threading.current_thread()),
                    )
                )
            )
            await take(chunks, 2)
            await asyncio.to_thread(thread.join, SECONDS)
            # Django closes a response in another one.
            assert await sync_to_async(threading.current_thread)() is not thread
            return thread

    thread = in_loop(main())

    # The database connections of the request are released in its own thread.
    assert threads == [thread]
    assert not thread.is_alive()


def test_poll_waits_for_an_event_without_a_thread():
    connection = Connection()

    async def main():
        async with ThreadSensitiveContext():
            thread = await sync_to_async(threading.current_thread)()
            response = await sync_to_async(poll)(
                stream_of(connection), seconds=SECONDS, unseen_count=None
            )
            body = asyncio.create_task(list_of(aiter(response)))
            await asyncio.to_thread(thread.join, SECONDS)
            in_thread(connection.push, Batch([frame(1, EVENT)]))
            return response.status_code, b"".join(await body)

    status, body = in_loop(main())

    assert status == 200
    assert json.loads(body) == {
        "cursor": "5-0",
        "events": [{"id": "5-0", "event": "new_question", "data": {}}],
    }


def test_poll_that_missed_something_does_not_wait():
    ended = []
    stream = stream_of(Connection(), missed=[frame(1, EVENT)], ended=ended.append)

    response = poll(stream, seconds=SECONDS, unseen_count=None)

    assert json.loads(response.content)["cursor"] == "5-0"
    assert len(ended) == 1


def test_poll_that_waits_in_vain_advances_the_cursor():
    async def main():
        stream = stream_of(Connection())
        response = await sync_to_async(poll)(stream, seconds=0.01, unseen_count=None)
        return b"".join(await list_of(aiter(response)))

    assert json.loads(in_loop(main())) == {"cursor": "9-0", "events": []}


@pytest.mark.django_db
def test_closed_response_ends_the_connection():
    ended = []
    response = ConnectionResponse(stream_of(Connection(), ended=ended.append))

    response.close()

    assert len(ended) == 1


@pytest.mark.parametrize(
    ("factory", "expected"), [(RequestFactory, False), (AsyncRequestFactory, True)]
)
def test_requests_of_asgi_servers_are_told_from_others(factory, expected):
    client = Client.of(factory().get("/").META, ANONYMOUS, NO_SUBSCRIPTIONS)

    assert client.is_async is expected


def test_signal_to_stop_ends_the_streams_and_reaches_the_server(monkeypatch):
    stopped, drained = [], threading.Event()
    monkeypatch.setattr(exit_signals, "drain", lambda *args, **options: drained.set())
    monkeypatch.setattr(exit_signals, "EXIT_SIGNALS", (signal.SIGUSR2,))
    before = signal.signal(signal.SIGUSR2, lambda *args: stopped.append(args))

    async def open_streams():
        exit_signals.drain_on_exit()
        exit_signals.drain_on_exit()

    async def main():
        await open_streams()
        os.kill(os.getpid(), signal.SIGUSR2)
        return await asyncio.to_thread(drained.wait, SECONDS)

    try:
        # Where there is no signal, and in a loop that has ended by then.
        asyncio.run(asyncio.to_thread(asyncio.run, open_streams()))
        asyncio.run(open_streams())
        assert in_loop(main())
    finally:
        signal.signal(signal.SIGUSR2, before)
    assert [number for number, _ in stopped] == [signal.SIGUSR2]
