"""Servers on which each stream holds a thread."""

import threading
import wsgiref.simple_server
from contextlib import ExitStack, contextmanager

import httpx
import pytest
import waitress.server

from notifications.streams.admission import shared_admission
from notifications.streams.server_threads import most_streams
from project.wsgi import application
from tests.streaming import STREAM
from tests.system.server import wait_for

pytestmark = pytest.mark.django_db(transaction=True)
THREADS = 3


class SilentHandler(wsgiref.simple_server.WSGIRequestHandler):
    def log_message(self, *args):
        pass


@contextmanager
def one_thread():
    """Serve the site in one thread."""
    server = wsgiref.simple_server.make_server(
        "127.0.0.1", 0, application, handler_class=SilentHandler
    )
    thread = threading.Thread(
        target=server.serve_forever, kwargs={"poll_interval": 0.01}
    )
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_port}"
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


@contextmanager
def few_threads():
    """Serve the site with waitress."""
    server = waitress.server.create_server(
        application, host="127.0.0.1", port=0, threads=THREADS
    )
    thread = threading.Thread(target=server.run)
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.effective_port}"
    finally:
        for connection in shared_admission().connections():
            connection.close("stopped")
        wait_for(lambda: not shared_admission().connections(), what="the ends")
        server.task_dispatcher.shutdown()
        # In its own thread, which would fail if it selected a socket that is closed.
        server.trigger.pull_trigger(server.close)
        thread.join()


def public(url):
    return f"{url}{STREAM}?topic=topic:milk"


def test_server_with_one_thread_refuses_streams_and_polls():
    with one_thread() as url:
        stream = httpx.get(public(url), headers={"Accept": "text/event-stream"})
        poll = httpx.get(f"{url}/notifications/poll/?topic=topic:milk")
        page = httpx.get(f"{url}/notifications/ready/")

    assert (stream.status_code, poll.status_code, page.status_code) == (501, 501, 200)
    assert "cannot stream" in stream.text


def test_last_thread_is_for_pages():
    with few_threads() as url, httpx.Client() as client, ExitStack() as streams:
        for _ in range(THREADS - 1):
            opened = streams.enter_context(client.stream("GET", public(url)))
            assert opened.status_code == 200
        refused = client.get(public(url))
        page = client.get(f"{url}/notifications/ready/")

    assert (refused.status_code, page.status_code) == (501, 200)
    assert f"room for {THREADS - 1} streams" in refused.text


@pytest.mark.parametrize(
    "environ",
    [
        {"SERVER_SOFTWARE": "gunicorn/27.0.1", "wsgi.multithread": True},
        # Of Django's test client.
        {"wsgi.multithread": False},
        # Of an ASGI server.
        {},
    ],
)
def test_other_servers_have_no_such_limit(environ):
    assert most_streams(environ) is None
