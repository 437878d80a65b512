"""The opening of a response whose socket is taken over: its head and a long replay."""

from typing import Any

from notifications.protocol.chunks import framed
from notifications.streams.event_stream import StreamResponse
from notifications.streams.slow_clients import SlotClient

# A long replay is written in pieces of about this size.
WRITE_BYTES = 65_536


def write_opening(response: StreamResponse, client: SlotClient | None) -> bytes:
    """Write a long opening to the client, up to its last part; return that.

    The caller's greenlet waits until the client has read it; `client` limits the time.
    """
    environ, gunicorn_response, _ = response.wsgi_call
    head, body = _head(gunicorn_response), b""
    for part in response.stream.opening:
        body += part
        if len(body) >= WRITE_BYTES:
            data = head + framed(body, chunked=gunicorn_response.chunked)
            if client is not None:
                client.read_reply(len(data))
            environ["gunicorn.socket"].sendall(data)
            if client is not None:
                # The next part may have to wait for its turn.
                client.work()
            head = body = b""
    return head + framed(body, chunked=gunicorn_response.chunked)


def _head(response: Any) -> bytes:
    """Return the status line and headers of a response that ends its connection.

    gunicorn's `send_headers` would send the same, but not in one write with the body.
    """
    response.force_close()
    lines = response.default_headers()
    lines += [f"{name}: {value}\r\n" for name, value in response.headers]
    response.headers_sent = True
    return "".join([*lines, "\r\n"]).encode("latin-1")
