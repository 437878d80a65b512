"""Reads a stream of events with two independent parsers."""

import itertools
from collections.abc import Iterable, Iterator
from typing import NamedTuple

import httpx
from httpx_sse import EventSource
from sseclient import SSEClient

# A large stream comes in fewer slices than its length: reading it byte by byte would
# show nothing more.
SLICES = 200


class Read(NamedTuple):
    """An event as a client gets it."""

    id: str
    name: str
    data: str


def read(stream: bytes, *, sizes: Iterable[int]) -> list[Read]:
    """Return the events of a stream that comes in slices of these sizes, in turn.

    Both parsers have to agree.
    """
    slices = list(sliced(stream, sizes))
    found = by_httpx_sse(slices)
    assert by_sseclient(slices) == found
    return found


def sliced(stream: bytes, sizes: Iterable[int]) -> Iterator[bytes]:
    """Yield the stream in slices of these sizes, in turn."""
    at, factor = 0, 1 + len(stream) // (SLICES * 20)
    for size in itertools.cycle(sizes):
        if at >= len(stream):
            return
        yield stream[at : at + size * factor]
        at += size * factor


def by_httpx_sse(slices: list[bytes]) -> list[Read]:
    response = httpx.Response(
        200, headers={"Content-Type": "text/event-stream"}, content=iter(slices)
    )
    events = EventSource(response).iter_sse()
    # This parser dispatches a lone `retry`, which the standard does not.
    return [
        Read(each.id, each.event, each.data)
        for each in events
        if each.data or each.retry is None
    ]


def by_sseclient(slices: list[bytes]) -> list[Read]:
    found, last_id = [], ""
    for each in SSEClient(iter(slices)).events():
        # It gives an event's own id alone; the standard keeps the last one.
        last_id = last_id if each.id is None else each.id
        found.append(Read(last_id, each.event, each.data))
    return found
