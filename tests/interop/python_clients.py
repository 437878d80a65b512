"""Clients in Python: each opens a URL, and iterates over the events it receives."""

import asyncio
import contextlib
from collections.abc import AsyncIterator, Iterator
from typing import Any

import aiohttp
import aiosseclient
import httpx_sse
import requests
import requests_sse
import urllib3
from aiohttp_sse_client2.client import EventSource
from sseclient import SSEClient

from tests.http_client import http_client
from tests.system.eventsource import Received
from tests.system.server import DEADLINE_SECONDS

OVER = 204


def headers(last_event_id: str) -> dict[str, str]:
    """Return the headers of a request for a stream."""
    resuming = {"Last-Event-ID": last_event_id} if last_event_id else {}
    return {"Accept": "text/event-stream", **resuming}


def received(each: Any) -> Received:
    """Return an event of a client that has the fields of the standard."""
    return Received(each.event or "message", each.id or "", each.data)


@contextlib.contextmanager
def httpx_client(url: str, last_event_id: str = "") -> Iterator[Iterator[Received]]:
    with (
        http_client(url, timeout=DEADLINE_SECONDS) as client,
        httpx_sse.connect_sse(
            client, "GET", url, headers=headers(last_event_id)
        ) as source,
    ):
        over = source.response.status_code == OVER
        yield iter(()) if over else map(received, source.iter_sse())


@contextlib.contextmanager
def sseclient_on_requests(
    url: str, last_event_id: str = ""
) -> Iterator[Iterator[Received]]:
    with requests.get(
        url, headers=headers(last_event_id), stream=True, timeout=DEADLINE_SECONDS
    ) as response:
        yield map(received, SSEClient(response).events())


@contextlib.contextmanager
def sseclient_on_urllib3(
    url: str, last_event_id: str = ""
) -> Iterator[Iterator[Received]]:
    with urllib3.PoolManager() as pool:
        response = pool.request(
            "GET",
            url,
            headers=headers(last_event_id),
            preload_content=False,
            timeout=DEADLINE_SECONDS,
        )
        with contextlib.closing(response):
            yield map(received, SSEClient(response.stream()).events())


@contextlib.contextmanager
def requests_sse_client(
    url: str, last_event_id: str = ""
) -> Iterator[Iterator[Received]]:
    def events() -> Iterator[Received]:
        try:
            for each in source:
                yield Received(each.type or "message", each.last_event_id, each.data)
        except requests_sse.InvalidStatusCodeError as error:
            if error.status_code != OVER:
                raise

    source = requests_sse.EventSource(
        url, timeout=DEADLINE_SECONDS, latest_event_id=last_event_id
    )
    with source:
        yield events()


@contextlib.contextmanager
def aiohttp_sse_client(
    url: str, last_event_id: str = ""
) -> Iterator[Iterator[Received]]:
    async def events() -> AsyncIterator[Received]:
        timeout = aiohttp.ClientTimeout(total=DEADLINE_SECONDS)
        async with EventSource(
            url, timeout=timeout, headers=headers(last_event_id)
        ) as source:
            try:
                async for each in source:
                    name = each.type or "message"
                    yield Received(name, each.last_event_id, each.data)
            except ConnectionAbortedError as error:
                # It has no status of its own.
                if f": {OVER}: " not in error.args[0]:
                    raise

    with iterating(events()) as found:
        yield found


@contextlib.contextmanager
def aiosseclient_client(
    url: str, last_event_id: str = ""
) -> Iterator[Iterator[Received]]:
    async def events() -> AsyncIterator[Received]:
        source = aiosseclient.aiosseclient(
            url, last_id=last_event_id, timeout_total=DEADLINE_SECONDS
        )
        async with contextlib.aclosing(source):
            async for each in source:
                yield received(each)

    with iterating(events()) as found:
        yield found


@contextlib.contextmanager
def iterating(events: AsyncIterator[Received]) -> Iterator[Iterator[Received]]:
    """Iterate over events of an event loop from outside of it."""

    async def following() -> Received | None:
        async for event in events:
            return event
        return None

    with asyncio.Runner() as runner:
        yield iter(lambda: runner.run(following()), None)
        runner.run(events.aclose())  # type: ignore[attr-defined]
