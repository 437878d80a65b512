"""Clients that reconnect under ASGI are served before the site, and others by it."""

import asyncio
from contextlib import asynccontextmanager

import pytest
from django.core.handlers.asgi import ASGIHandler

from notifications.live.hub import shared_hub
from notifications.middleware import serve_reconnects_async
from notifications.protocol.sse import EVENT_STREAM
from tests.streaming import STREAM, record

pytestmark = pytest.mark.django_db(transaction=True)

DEADLINE_SECONDS = 30


class Site:
    """The site's ASGI application, wrapped; counts the requests that reach the site."""

    def __init__(self, client):
        cookies = client.cookies.items()
        text = "; ".join(f"{key}={each.value}" for key, each in cookies)
        self.cookies = text.encode()
        self._application = ASGIHandler()
        self._wrapped = serve_reconnects_async(self._count)
        self.requests = 0

    async def _count(self, scope, receive, send):
        self.requests += 1
        await self._application(scope, receive, send)

    @asynccontextmanager
    async def open(self, query="", **changed):
        """Yield a queue of what the application sends; the client leaves at the end."""
        scope = {
            "type": "http", "method": "GET", "path": STREAM, "scheme": "http",
            "query_string": query.encode(), "server": ("testserver", 80),
            "headers": [
                (b"host", b"testserver"),
                (b"accept", EVENT_STREAM.encode()),
                (b"cookie", self.cookies),
            ],
            **changed,
        }  # fmt: skip
        received, sent = asyncio.Queue(), asyncio.Queue()
        received.put_nowait({"type": "http.request"})
        task = asyncio.create_task(self._wrapped(scope, received.get, sent.put))
        try:
            async with asyncio.timeout(DEADLINE_SECONDS):
                yield sent
                received.put_nowait({"type": "http.disconnect"})
                await task
        finally:
            task.cancel()


async def read(sent, text):
    """Return the status, once the body has a text."""
    status, body = (await sent.get())["status"], b""
    while text not in body:
        body += (await sent.get())["body"]
    return status


@pytest.fixture
def site(reconnecting):
    return Site(reconnecting)


@pytest.fixture
def run():
    """Run a coroutine; afterwards, no stream of it is left."""
    yield asyncio.run
    assert shared_hub().connection_count == 0


def test_client_that_reconnects_does_not_reach_the_site(site, run):
    async def story():
        async with site.open() as sent:
            await read(sent, b"event: heartbeat")
        async with site.open() as sent:
            status = await read(sent, b"event: heartbeat")
            event = await asyncio.to_thread(record, "topic:milk")
            body = b""
            while str(event.uid).encode() not in body:
                body += (await sent.get())["body"]
        return status

    assert run(story()) == 200
    assert site.requests == 1


def test_other_requests_reach_the_site(site, run):
    async def story():
        async with site.open() as sent:
            await read(sent, b"event: heartbeat")
        for changed in (
            {"query": "topic=topic:milk"},
            {"scheme": "https"},
            {"server": ("testserver", 8000)},
        ):
            async with site.open(**changed) as sent:
                await read(sent, b"event: heartbeat")

    run(story())

    assert site.requests == 4


def test_stream_that_ends_ends_the_response(site, run):
    async def story():
        async with site.open() as sent:
            await read(sent, b"event: heartbeat")
        async with site.open() as sent:
            await read(sent, b"event: heartbeat")
            await asyncio.to_thread(shared_hub().stop)
            part = await sent.get()
            while part["more_body"]:
                last, part = part["body"], await sent.get()
        return last

    assert b"event: server_closed" in run(story())
    assert site.requests == 1


def test_other_kinds_of_connections_reach_the_site(site, run):
    seen = []

    async def application(scope, receive, send):
        seen.append(scope["type"])

    run(serve_reconnects_async(application)({"type": "lifespan"}, None, None))

    assert seen == ["lifespan"]
