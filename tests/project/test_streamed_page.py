"""Pages that are sent while they are made."""

import asyncio
import threading

import pytest
from django.test import AsyncRequestFactory, RequestFactory

from project.streamed_page import MARK, StreamedPage

SECONDS = 30
PAGE = f"start{MARK}end"


def test_page_has_its_pieces_in_the_middle():
    page = StreamedPage(PAGE, ["1", "2"], RequestFactory().get("/"))

    assert b"".join(page) == b"start12end"


def test_pieces_are_sent_as_they_come_under_asgi():
    going_on = threading.Event()

    def pieces():
        yield "1"
        assert going_on.wait(SECONDS)
        yield "2"

    async def main():
        page = aiter(StreamedPage(PAGE, pieces(), AsyncRequestFactory().get("/")))
        early = [await anext(page), await anext(page)]
        going_on.set()
        return early, [part async for part in page]

    early, late = asyncio.run(asyncio.wait_for(main(), SECONDS))

    assert (early, late) == ([b"start", b"1"], [b"2", b"end"])


@pytest.mark.parametrize("factory", [RequestFactory, AsyncRequestFactory])
def test_page_is_not_held_back(factory):
    page = StreamedPage(PAGE, [], factory().get("/"))

    assert page["Content-Encoding"] == "identity"
    assert page["X-Accel-Buffering"] == "no"
