"""A WSGI application whose clients have a limited time to send and to read.

Between the worker and Django: the body of a request is read first, its reply timed.
"""

from collections.abc import Callable
from typing import Any

from django.db import close_old_connections

from notifications.streams.request_body import receive
from notifications.streams.slow_clients import SlotClient, SlowClients, TimedReply


class TimedApplication:
    """Calls an application once the first part of a request's body is there.

    `response_type` is gunicorn's response to a request that has its connection for
    itself; others are not timed. `hijacks` tells whether the worker takes over the
    socket of a response.
    """

    def __init__(
        self,
        application: Callable[..., Any],
        clients: SlowClients,
        *,
        response_type: Any,
        hijacks: Callable[[Any], bool],
    ) -> None:
        self._application = application
        self._clients = clients
        self._response_type = response_type
        self._hijacks = hijacks

    def __call__(self, environ: dict[str, Any], start_response: Any) -> Any:
        """Respond to a request; see PEP 3333."""
        # `start_response` is a method of gunicorn's response.
        gunicorn_response: Any = start_response.__self__
        # HTTP/2 has several requests at once on a connection.
        if type(gunicorn_response) is not self._response_type:
            return self._application(environ, start_response)
        client = self._clients.of(environ["gunicorn.socket"])
        client.work()
        if not _receive_body(environ, client):
            return _refuse(gunicorn_response)
        response = self._application(environ, start_response)
        if self._hijacks(response):
            return response
        # Django closes it after the reply, which a slow client could delay. Only a
        # streaming response may still need it.
        if getattr(response, "streaming", True) is False:
            close_old_connections()
        if gunicorn_response.response_length is None:
            return TimedReply(response, client)
        client.read_reply(gunicorn_response.response_length)
        return response


def _receive_body(environ: dict[str, Any], client: SlotClient) -> bool:
    """Read the first part of a request's body; tell whether it came."""
    text = environ.get("CONTENT_LENGTH")
    if not text and "HTTP_TRANSFER_ENCODING" not in environ:
        return True
    length = int(text) if text else None
    try:
        environ["wsgi.input"] = receive(environ["wsgi.input"], client, length=length)
    except OSError:
        return False
    return True


def _refuse(response: Any) -> list[bytes]:
    """Respond to a client that did not send its body, and close the connection."""
    response.force_close()
    response.start_response("408 Request Timeout", [("Content-Length", "0")])
    return []
