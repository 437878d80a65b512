"""Fixtures for tests of streams: on sockets, and with cached sessions."""

import contextlib

import pytest

from notifications.live.connection import Connection
from notifications.models import Follow
from tests.clients import BUFFER_BYTES, Client, SocketEndpoint
from tests.streaming import STREAM


@pytest.fixture
def small_buffer(settings):
    settings.NOTIFICATIONS = {
        **settings.NOTIFICATIONS,
        "CLIENT_BUFFER_BYTES": BUFFER_BYTES,
    }


@pytest.fixture
def clients():
    """A function that returns a client, which is closed after the test."""
    with contextlib.ExitStack() as stack:

        def make(chunks=None):
            return stack.enter_context(contextlib.closing(Client(chunks)))

        yield make


@pytest.fixture
def chunked():
    """Whether the body is sent in chunks, as to all clients but those of HTTP/1.0."""
    return True


@pytest.fixture
def endpoint(chunked):
    """A connection whose socket was hijacked."""
    endpoint = SocketEndpoint(Connection(), chunked=chunked)
    yield endpoint
    endpoint.close()


@pytest.fixture
def stream():
    """A function that opens a stream and closes it at the end of the test."""
    opened = []

    def stream(client, path=STREAM):
        response = client.get(path)
        opened.append(response)
        return response

    yield stream
    for response in opened:
        response.close()


@pytest.fixture
def reconnecting(client, maja, stream):
    """A signed-in client that has opened a stream before."""
    Follow.objects.set_level(maja, "topic:milk", "follow")
    client.force_login(maja)
    stream(client).close()
    return client
