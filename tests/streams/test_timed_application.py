import io
import socket

import pytest
from django.db import connection
from django.http import HttpResponse, StreamingHttpResponse

from notifications.streams.request_body import PIECE_BYTES
from notifications.streams.slow_clients import Phase, SlowClients, TimedReply
from notifications.streams.timed_application import TimedApplication


class Http1Response:
    """What the application needs of gunicorn's response."""

    def __init__(self, length=None):
        self.response_length = length
        self.status = ""
        self.closes = False

    def start_response(self, status, headers):
        self.status = status

    def force_close(self):
        self.closes = True


class Http2Response(Http1Response):
    """The response to one of several requests on a connection."""


class Site:
    """A site that reads its requests, and the worker's slots."""

    def __init__(self):
        self.clients = SlowClients(slots=10)
        self.client = self.clients.enter(socket.socket(), "")
        self.bodies = []
        self.reply = [b"reply"]
        self.application = TimedApplication(
            self.respond,
            self.clients,
            response_type=Http1Response,
            hijacks=lambda reply: reply == "stream",
        )

    def respond(self, environ, start_response):
        assert self.client.phase is Phase.WORK
        self.bodies.append(environ["wsgi.input"].read())
        return self.reply

    def request(self, response, body=b"", **environ):
        """Send a request with this body."""
        return self.application(
            {
                "gunicorn.socket": self.client.socket,
                "wsgi.input": io.BytesIO(body),
                **environ,
            },
            response.start_response,
        )


@pytest.fixture
def site():
    site = Site()
    yield site
    site.client.socket.close()


@pytest.mark.parametrize(
    "environ",
    [{"CONTENT_LENGTH": "4"}, {"HTTP_TRANSFER_ENCODING": "chunked"}],
    ids=["length", "chunks"],
)
def test_site_gets_a_body(site, environ):
    site.request(Http1Response(5), b"text", **environ)

    assert site.bodies == [b"text"]


@pytest.mark.parametrize("length", [5, PIECE_BYTES], ids=["short", "one piece"])
def test_incomplete_body_is_refused_without_the_site(site, length):
    response = Http1Response()

    reply = site.request(response, b"text", CONTENT_LENGTH=str(length))

    assert (response.status, response.closes, reply) == (
        "408 Request Timeout",
        True,
        [],
    )
    assert site.bodies == []


def test_reply_has_a_deadline(site):
    assert site.request(Http1Response(5)) is site.reply
    assert site.client.phase is Phase.REPLY


@pytest.mark.parametrize(
    ("reply", "closed"),
    [(HttpResponse("reply"), 1), (StreamingHttpResponse([b"reply"]), 0), ([b""], 0)],
    ids=["whole", "streaming", "not Django's"],
)
def test_whole_reply_needs_no_database(monkeypatch, site, reply, closed):
    calls = []
    monkeypatch.setattr(
        connection, "close_if_unusable_or_obsolete", lambda: calls.append(1)
    )
    site.reply = reply

    site.request(Http1Response(5))

    assert len(calls) == closed


def test_reply_of_unknown_length_has_deadlines_for_its_parts(site):
    reply = site.request(Http1Response(None))

    assert isinstance(reply, TimedReply)
    assert list(reply) == site.reply


def test_stream_that_is_taken_over_has_none(site):
    site.reply = "stream"

    assert site.request(Http1Response()) == "stream"
    assert site.client.phase is Phase.WORK


def test_requests_that_share_a_connection_are_not_timed(site):
    site.client.work()

    assert site.request(Http2Response(5)) is site.reply
    assert site.client.phase is Phase.WORK
