"""An async generator as an event stream."""

import asyncio
import threading

import pytest
from asgiref.sync import async_to_sync, sync_to_async
from django.contrib.auth import get_user
from django.test import AsyncRequestFactory, RequestFactory
from django.utils.functional import SimpleLazyObject

from notifications.api import Event, EventStreamResponse, SharedStream
from notifications.live.connection import State
from tests.streaming import parse
from tests.system.server import wait_for
from tests.users import User

SECONDS = 30


@pytest.fixture(autouse=True)
def no_handlers(monkeypatch):
    """Leave the signals of the test process alone."""
    monkeypatch.setattr("notifications.streams.loop_stream.drain_on_exit", lambda: None)


def respond(events, **headers):
    return EventStreamResponse(events, AsyncRequestFactory().get("/", headers=headers))


def in_loop(coroutine):
    return asyncio.run(asyncio.wait_for(coroutine, SECONDS))


async def data_of(response):
    """Return the data of the events until the end, and close the response."""
    body = b"".join([chunk async for chunk in response])
    response.stream.close()
    own = ("heartbeat", "server_closed")
    return [event.data for event in parse(body) if event.event not in own]


def test_items_of_an_async_generator_are_streamed():
    async def events(last_event_id):
        yield f"after {last_event_id!r}"
        await asyncio.sleep(0)
        yield {"a": 1}
        yield Event([1])

    assert in_loop(data_of(respond(events, Last_Event_ID="7"))) == [
        "after '7'",
        '{"a":1}',
        "[1]",
    ]


def test_it_goes_on_when_the_client_has_read(settings):
    settings.NOTIFICATIONS = {**settings.NOTIFICATIONS, "CLIENT_BUFFER_BYTES": 1_024}
    made = []

    async def endless(last_event_id):
        while True:
            made.append(1)
            yield "x" * 1_000

    async def main():
        response = respond(endless)
        chunks = aiter(response)
        await anext(chunks)
        await anext(chunks)
        await asyncio.sleep(0.01)
        waiting = len(made)
        await anext(chunks)
        await anext(chunks)
        response.stream.close()
        return waiting

    assert in_loop(main()) < 10


def test_generator_is_cancelled_when_the_client_leaves():
    ended = []

    async def silent():
        try:
            yield "first"
            await asyncio.Event().wait()
        finally:
            ended.append(1)

    async def main():
        response = respond(silent())
        chunks = aiter(response)
        while b"first" not in await anext(chunks):
            pass
        # As Django closes it.
        await asyncio.to_thread(response.stream.close)
        while not ended:
            await asyncio.sleep(0.01)

    in_loop(main())

    assert ended == [1]


def test_shared_stream_runs_one_generator_and_another_for_later_clients():
    runs = []

    async def make():
        runs.append(1)
        yield "same"

    shared = SharedStream(make)

    async def main():
        responses = [respond(shared) for _ in range(3)]
        first = await asyncio.gather(*map(data_of, responses))
        return first, await data_of(respond(shared))

    assert in_loop(main()) == ([["same"]] * 3, ["same"])
    assert len(runs) == 2


def test_error_of_the_generator_ends_the_stream(caplog):
    async def broken():
        yield "first"
        raise ZeroDivisionError

    async def main():
        response = respond(broken())
        return await data_of(response), response.stream.connection

    data, connection = in_loop(main())

    assert data == ["first"]
    assert (connection.state, connection.close_reason) == (State.CLOSED, "failed")
    assert "producer=failed" in caplog.text


def test_shared_stream_has_to_see_that_its_generator_is_async(caplog):
    async def events():
        yield "one"

    assert in_loop(data_of(respond(SharedStream(lambda: events())))) == []
    assert "expected an async generator function" in caplog.text


@pytest.mark.django_db
def test_queries_of_a_generator_run_in_a_thread_that_ends_with_it():
    threads = []

    async def queries():
        threads.append(await sync_to_async(threading.current_thread)())
        yield str(User._meta.label)

    in_loop(data_of(respond(queries())))

    wait_for(lambda: not threads[0].is_alive(), what="the end of the thread")


@pytest.mark.django_db(transaction=True)
def test_async_view_makes_the_response_in_a_thread(client, maja):
    client.force_login(maja)

    async def events():
        yield "one"

    async def view():
        request = AsyncRequestFactory().get("/")
        request.session = client.session
        request.user = SimpleLazyObject(lambda: get_user(request))
        response = await sync_to_async(EventStreamResponse)(events(), request)
        return response.stream.connection.user, await data_of(response)

    assert async_to_sync(view)() == (str(maja.pk), ["one"])


@pytest.mark.parametrize("shared", [True, False])
def test_async_generator_needs_asgi(shared):
    async def events():
        yield "one"

    with pytest.raises(TypeError, match="under ASGI only"):
        EventStreamResponse(
            SharedStream(events) if shared else events(), RequestFactory().get("/")
        )
