"""HTTP clients of several libraries, which collect bytes of a body without chunks."""

import contextlib
import select
import socket
import threading

import pytest
import requests
import requests_sse
import urllib3
from sseclient import SSEClient

from notifications.live.connection import Connection
from notifications.protocol.frames import Batch
from notifications.streams.hijack import Poller, SocketTransport
from tests.clients import frame, needs_epoll, plain
from tests.system.server import DEADLINE_SECONDS

pytestmark = needs_epoll

HEAD = b"\r\n".join(
    [
        b"HTTP/1.1 200 OK",
        b"Content-Type: text/event-stream",
        b"Connection: close",
        b"Transfer-Encoding: chunked",
        b"",
        b"",
    ]
)


class OneStream:
    """A server of one stream, which starts with its first event."""

    def __init__(self):
        self._listening = socket.create_server(("127.0.0.1", 0))
        self.url = f"http://127.0.0.1:{self._listening.getsockname()[1]}/"
        self._epoll = select.epoll()
        self._connection = Connection()
        self._thread = threading.Thread(target=self._serve)

    def __enter__(self):
        self._thread.start()
        return self

    def __exit__(self, *exception):
        self._thread.join(DEADLINE_SECONDS)
        self._connection.hang_up()
        self._listening.close()
        self._epoll.close()

    def _serve(self):
        server, _ = self._listening.accept()
        request = b""
        while b"\r\n\r\n" not in request:
            request += server.recv(65_536)
        transport = SocketTransport(
            plain(server),
            self._connection,
            poller=Poller(self._epoll),
            on_end=lambda connection: None,
            chunked=True,
        )
        transport.start(HEAD)
        self._connection.transport = transport
        self.push(1)

    def push(self, number):
        """Send one event, and nothing after it."""
        self._connection.push(Batch([frame(number)]))


@contextlib.contextmanager
def sseclient_on_requests(url):
    with requests.get(url, stream=True, timeout=DEADLINE_SECONDS) as response:
        yield SSEClient(response).events()


@contextlib.contextmanager
def sseclient_on_urllib3(url):
    with urllib3.PoolManager() as pool:
        response = pool.request(
            "GET", url, preload_content=False, timeout=DEADLINE_SECONDS
        )
        with contextlib.closing(response):
            yield SSEClient(response.stream()).events()


def requests_sse_(url):
    return requests_sse.EventSource(url, timeout=DEADLINE_SECONDS, max_connect_retry=0)


@pytest.mark.parametrize(
    "client", [sseclient_on_requests, sseclient_on_urllib3, requests_sse_]
)
def test_client_reads_each_event_before_the_next_is_written(client):
    with OneStream() as stream, client(stream.url) as events:
        for number in range(1, 4):
            assert next(events).data == str(number)
            stream.push(number + 1)
