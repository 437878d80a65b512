"""The site's own worker: streams whose sockets it hijacks, and those it cannot."""

import re
import socket
import ssl
import subprocess
import sys

import httpx
import pytest

from tests import ROOT
from tests.http_client import http_client
from tests.system.crowd import STREAM, wait_until_live
from tests.system.eventsource import Chunks
from tests.system.hooks import CENSUS, ENVIRONMENT
from tests.system.listener import Listener
from tests.system.processes import held
from tests.system.publisher import Publisher
from tests.system.server import DEADLINE_SECONDS, Site, wait_for
from tests.system.topics import asking, new_topics
from tests.system.transports import hijacked

MANY = 300


@pytest.fixture(scope="module")
def site():
    site = Site(workers=1, environment=ENVIRONMENT)
    site.access_log = site.folder / "access.log"
    site.unix_socket = site.folder / "site.sock"
    site.environment["GUNICORN_CMD_ARGS"] = (
        f"--access-logfile={site.access_log}"
        f" --bind=127.0.0.1:{site.port} --bind=unix:{site.unix_socket}"
    )
    with site:
        yield site


def census(site, **options):
    """Return what the site's only worker holds."""
    with http_client(site.url, keep_alive=False, **options) as client:
        return client.get(CENSUS).raise_for_status().json()


def wait_for_census(site, before):
    """Wait until the worker holds no more than it did.

    What serves the last requests may have been counted, and is gone when they end.
    """
    wait_for(
        lambda: all(count <= before[kind] for kind, count in census(site).items()),
        what=f"no more than {before}",
    )


def hold(site, count, **options):
    """Wait until the worker holds this many clients' sockets."""
    wait_for(lambda: held(site) == count, what=f"{count} sockets", **options)


class Raw:
    """A client that writes its HTTP requests itself."""

    def __init__(self, site):
        self.socket = socket.create_connection(("127.0.0.1", site.port))
        self.socket.settimeout(DEADLINE_SECONDS)
        self.got = b""

    def __enter__(self):
        return self

    def __exit__(self, *exception):
        self.socket.close()

    def send(self, path, *, method="GET", version="1.1", more=b"", headers=()):
        """Send a request, and `more` in the same packet."""
        lines = [
            f"{method} {path} HTTP/{version}",
            "Host: 127.0.0.1",
            "Accept: text/event-stream",
            *headers,
            "",
            "",
        ]
        self.socket.sendall("\r\n".join(lines).encode() + more)

    def read_until(self, text):
        """Read until a text has come; return all of it."""
        while text not in self.got:
            more = self.socket.recv(65_536)
            assert more, f"ended without {text}: {self.got}"
            self.got += more
        return self.got

    def read_to_the_end(self):
        """Read until the server closes its end."""
        while more := self.socket.recv(65_536):
            self.got += more
        return self.got


@pytest.fixture
def raw(site):
    with Raw(site) as raw:
        yield raw


# What a stream costs.


@hijacked
def test_hijacked_stream_holds_nothing_of_its_request(site, crowd):
    [topic] = new_topics(1)
    # The first stream makes what all streams share.
    first = crowd.open(asking([topic]))
    wait_until_live([first])
    before = census(site)

    streams = [crowd.open(asking([topic])) for _ in range(MANY)]
    wait_until_live(streams)

    wait_for_census(site, before)
    crowd.close(first, *streams)
    hold(site, 0)
    wait_for_census(site, before)


@hijacked
def test_shared_generator_holds_no_request_for_its_clients(site, crowd):
    first = crowd.open("/demos/numbers/")
    wait_until_live([first])
    before = census(site)

    streams = [crowd.open("/demos/numbers/") for _ in range(MANY)]
    wait_until_live(streams)
    wait_for(
        lambda: all(len(stream.events) > 1 for stream in streams),
        what="two numbers at each",
    )

    wait_for_census(site, before)
    crowd.close(first, *streams)
    hold(site, 0)


def test_generator_ends_its_stream_and_then_the_client_is_told_to_stop(site):
    with Raw(site) as raw:
        raw.send("/demos/ticks/", headers=["Last-Event-ID: 98"])
        body = raw.read_to_the_end()
    with Raw(site) as again:
        again.send("/demos/ticks/", headers=["Last-Event-ID: 100"])

        assert again.read_until(b"\r\n\r\n").startswith(b"HTTP/1.1 204")

    assert re.findall(rb"id: (\d+)", body) == [b"99", b"100"]
    assert b'{"reason":"finished"}' in body


def test_stream_is_in_the_access_log(site, crowd, topic):
    path = asking([topic])

    stream = crowd.open(path)
    wait_until_live([stream])
    if site.worker_class:
        crowd.close(stream)

    def lines():
        found = site.access_log.read_text().splitlines()
        return [line for line in found if f"GET {path} HTTP/1.1" in line]

    wait_for(lines, what="a line of the stream")
    [line] = lines()
    assert '" 200 ' in line


# Clients of all kinds.


def test_http_1_0_client_gets_events(raw, publisher, topic):
    raw.send(asking([topic]), version="1.0")
    raw.read_until(b"event: heartbeat\n")

    uid = publisher.publish(topic)

    got = raw.read_until(uid.encode())
    head, _, body = got.partition(b"\r\n\r\n")
    assert head.startswith(b"HTTP/1.")
    assert b"transfer-encoding" not in head.lower()
    assert body.startswith(b"retry: ")


@hijacked
def test_each_event_of_a_stream_is_a_chunk(raw, publisher, topic):
    raw.send(asking([topic]))
    raw.read_until(b"event: heartbeat\n")

    uid = publisher.publish(topic)

    head, _, body = raw.read_until(uid.encode()).partition(b"\r\n\r\n")
    lines = head.lower().split(b"\r\n")
    assert lines[0].endswith(b" 200 ok")
    assert b"content-type: text/event-stream; charset=utf-8" in lines
    assert b"transfer-encoding: chunked" in lines
    assert not any(line.startswith(b"content-length") for line in lines)
    assert {line.partition(b":")[0] for line in lines[1:]} >= {b"date", b"server"}
    assert b"connection: close" in lines
    content = Chunks().feed(body)
    assert content.startswith(b"retry: 200\n")
    assert content.count(b"\nevent: new_question\n") == 1
    assert re.search(rb"\r\n[0-9a-f]+\r\nid: [0-9-]+\nevent: new_question\n", body)


def test_head_request_for_a_stream_is_not_allowed(raw, topic):
    raw.send(asking([topic]), method="HEAD")

    got = raw.read_until(b"\r\n\r\n")

    assert got.startswith(b"HTTP/1.1 405 ")


@hijacked
def test_half_closed_client_is_closed(site, raw, topic):
    hold(site, 1)
    raw.send(asking([topic]))
    raw.read_until(b"event: heartbeat\n")

    raw.socket.shutdown(socket.SHUT_WR)

    raw.read_to_the_end()
    hold(site, 0)


@pytest.mark.parametrize(
    "more",
    [b"\0\xff" * 50_000, b"GET / HTTP/1.1\r\n\r\n" * 1_000, b"\r\n"],
    ids=["garbage", "requests", "line end"],
)
def test_bytes_after_the_request_are_ignored(raw, publisher, topic, more):
    raw.send(asking([topic]))
    raw.read_until(b"event: heartbeat\n")

    raw.socket.sendall(more)

    raw.got = b""
    raw.read_until(publisher.publish(topic).encode())
    assert b"HTTP/1." not in raw.got


def test_pipelined_request_is_not_answered(raw, publisher, topic):
    second = b"GET / HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n"

    raw.send(asking([topic]), more=second)

    raw.read_until(b"event: heartbeat\n")
    raw.read_until(publisher.publish(topic).encode())
    assert raw.got.count(b"HTTP/1.1 ") == 1


def test_page_and_stream_share_a_kept_alive_connection(raw, publisher, topic):
    raw.send(CENSUS)
    raw.read_until(b"}")

    raw.send(asking([topic]))

    raw.read_until(b"event: heartbeat\n")
    raw.read_until(publisher.publish(topic).encode())


def test_refused_stream_keeps_its_connection_alive(raw):
    raw.send(f"{STREAM}?topic=x")
    assert raw.read_until(b"\r\n\r\n").startswith(b"HTTP/1.1 400 ")

    raw.send(CENSUS)

    assert b"HTTP/1.1 200 OK" in raw.read_until(b'"process":')


def test_client_does_not_set_the_path_by_a_header(raw):
    raw.send(f"/elsewhere{CENSUS}", headers=["SCRIPT_NAME: /elsewhere"])

    assert raw.read_until(b"\r\n\r\n").startswith(b"HTTP/1.1 404 ")


def test_stream_works_over_a_unix_socket(site, publisher, topic):
    transport = httpx.HTTPTransport(uds=str(site.unix_socket))
    with http_client("http://127.0.0.1", transport=transport) as client:
        with Listener(client, asking([topic])) as listener:
            uid = publisher.publish(topic)
            [event] = listener.wait_for(1, "new_question")

    assert event["uid"] == uid


# Streams that cannot be hijacked are iterated.


@pytest.fixture
def certificate(tmp_path):
    """A certificate for this machine, and its key, in two files."""
    certificate, key = tmp_path / "certificate.pem", tmp_path / "key.pem"
    subprocess.run(
        ["openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "2",
         "-subj", "/CN=127.0.0.1", "-addext", "subjectAltName=IP:127.0.0.1",
         "-keyout", key, "-out", certificate],
        check=True,
        capture_output=True,
    )  # fmt: skip
    return certificate, key


def assert_iterated(site, **options):
    """Check that events come by a stream that holds a greenlet."""
    [topic] = new_topics(1)
    with http_client(site.url, **options) as client:
        before = census(site, **options)
        with Publisher(site) as publisher, Listener(client, asking([topic])) as one:
            if not site.worker_class:
                assert census(site, **options)["greenlets"] > before["greenlets"]
            uids = [publisher.publish(topic) for _ in range(3)]
            events = one.wait_for(3, "new_question")
            wait_for(lambda: one.heartbeats > 2, what="heartbeats")
    assert [event["uid"] for event in events] == uids


def test_stream_over_tls_is_iterated(certificate):
    site = Site(workers=1, environment=ENVIRONMENT)
    site.url = site.url.replace("http:", "https:")
    site.environment["GUNICORN_CMD_ARGS"] = "--certfile={} --keyfile={}".format(
        *certificate
    )
    with site:
        assert_iterated(site, verify=ssl.create_default_context(cafile=certificate[0]))


@hijacked
def test_client_that_does_not_begin_tls_is_cut(certificate):
    quick = {**ENVIRONMENT, "NOTIFICATIONS_HEAD_TIMEOUT": "0.5"}
    site = Site(workers=1, environment=quick)
    site.environment["GUNICORN_CMD_ARGS"] = "--certfile={} --keyfile={}".format(
        *certificate
    )
    with site, Raw(site) as raw:
        assert raw.read_to_the_end() == b""
        assert "Traceback" not in site.output.read_text()


def test_stream_wrapped_by_a_middleware_is_iterated():
    wrapping = {"LIVE_MIDDLEWARE": "tests.system.hooks.wrapping"}
    with Site(workers=1, environment={**ENVIRONMENT, **wrapping}) as site:
        assert_iterated(site)


def test_preloaded_application_is_refused_at_the_start(tmp_path):
    options = "--preload --worker-class=notifications.worker.EventStreamWorker"
    done = subprocess.run(
        [sys.executable, "-m", "gunicorn", "wsgiref.simple_server:demo_app"],
        cwd=tmp_path,
        env={
            "PYTHONPATH": str(ROOT),
            "GUNICORN_CMD_ARGS": f"--bind=127.0.0.1:0 {options}",
        },
        capture_output=True,
        text=True,
        timeout=DEADLINE_SECONDS,
    )

    assert done.returncode == 1
    assert "preload_app does not work with EventStreamWorker" in done.stderr
    assert "Traceback" not in done.stderr
