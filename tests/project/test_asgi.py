"""The site's ASGI application."""

import pytest
from asgiref.sync import async_to_sync
from asgiref.testing import ApplicationCommunicator

from project.asgi import refuse_charsets


async def site(scope, receive, send):
    await send({"type": "http.response.start", "status": 200, "headers": []})
    await send({"type": "http.response.body"})


@async_to_sync
async def post(content_type):
    """Send a request; return the status of the response."""
    scope = {"type": "http", "headers": [(b"content-type", content_type)]}
    communicator = ApplicationCommunicator(refuse_charsets(site), scope)
    start = await communicator.receive_output()
    await communicator.receive_output()
    return start["status"]


@pytest.mark.parametrize("charset", [b"utf-7", b"utf-16", b"idna"])
def test_request_in_another_charset_is_refused(charset):
    assert post(b"text/plain; charset=" + charset) == 400


@pytest.mark.parametrize("content_type", [b"", b"text/plain; charset=utf-8"])
def test_other_requests_reach_the_site(content_type):
    assert post(content_type) == 200
