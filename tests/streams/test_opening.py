"""The opening of a stream, which is written while a long replay is read."""

from types import SimpleNamespace

import pytest

from notifications.streams.opening import WRITE_BYTES, write_opening
from notifications.streams.slow_clients import Phase, SlowClients

HEAD = b"HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\n\r\n"
PART = b"x" * WRITE_BYTES


class Socket:
    """A socket that records what is written, and in which phase its client is then."""

    def __init__(self):
        self.written = []
        self.client = None
        self.phases = []

    def sendall(self, data):
        self.written.append(data)
        self.phases.append(self.client.phase)


@pytest.fixture
def sock():
    sock = Socket()
    sock.client = SlowClients(slots=10).enter(sock, "10.0.0.1")
    sock.client.work()
    return sock


def response_of(sock, opening):
    gunicorn_response = SimpleNamespace(
        chunked=False,
        force_close=lambda: None,
        default_headers=lambda: ["HTTP/1.1 200 OK\r\n"],
        headers=[("Content-Type", "text/event-stream")],
    )
    return SimpleNamespace(
        stream=SimpleNamespace(opening=opening),
        wsgi_call=({"gunicorn.socket": sock}, gunicorn_response, None),
    )


def test_last_part_is_returned_with_the_head_if_it_is_the_first(sock):
    assert write_opening(response_of(sock, [b"a", b"b"]), None) == HEAD + b"ab"
    assert sock.written == []


def test_client_is_waited_for_only_while_it_reads(sock):
    def opening():
        for _ in range(2):
            assert sock.client.phase is Phase.WORK
            yield PART
        assert sock.client.phase is Phase.WORK
        yield b"end"

    assert write_opening(response_of(sock, opening()), sock.client) == b"end"

    assert sock.written == [HEAD + PART, PART]
    assert sock.phases == [Phase.REPLY] * 2
    assert sock.client.deadline is None
