"""A gunicorn worker whose event streams live by their sockets alone.

    gunicorn --worker-class notifications.worker.EventStreamWorker

Once a stream has begun, its request is over: no greenlet waits for it, nothing of the
request is kept, and no database connection. What cannot be taken over (TLS, HTTP/2, a
response that a middleware has wrapped, no epoll) stays an iterator in a greenlet.
"""

import gc
import mmap
from collections.abc import Callable
from contextlib import nullcontext
from datetime import datetime
from typing import TYPE_CHECKING, Any, NamedTuple

import gevent
from gevent import monkey
from gevent import socket as gevent_socket
from gevent.lock import BoundedSemaphore
from gunicorn.http.wsgi import Response
from gunicorn.workers.ggevent import GeventWorker

from notifications.protocol.sse import EVENT_STREAM

# Django, and what of the app imports it, waits until the worker is patched: it makes
# thread-locals that would be one for all greenlets otherwise.
if TYPE_CHECKING:
    from notifications.streams.event_stream import EventStreamResponse
    from notifications.streams.heartbeats import Heartbeats
    from notifications.streams.hijack import Hijacker, Poller

# How much of graceful_timeout the end of the streams may take, at most.
DRAIN_SHARE = 0.6
WAKE_SECONDS = 0.1
# So often gunicorn wants to hear that a worker is alive, at least.
NOTIFY_SECONDS = 1.0
# When thousands come at once, the others wait before they need any memory to speak of,
# and who loads a page does not wait for them all.
ARRIVALS_AT_ONCE = 16
# So many new objects more than gone are looked through for garbage.
GARBAGE_OBJECTS = 10_000
# What a long replay sends at a time.
REPLAY_WRITE_BYTES = 65_536
# By the age that gunicorn gives its workers: the youngest that was started, and the
# youngest that serves. Memory that the master and the workers share.
_ages = memoryview(mmap.mmap(-1, 16)).cast("q")
STARTED, SERVING = 0, 1


class Exchange(NamedTuple):
    """A request, what is written in reply, and when it began."""

    environ: dict[str, Any]
    reply: Response
    began: datetime


class EventStreamWorker(GeventWorker):
    """gunicorn's gevent worker, which hands the sockets of event streams over."""

    def __init__(self, age: int, *args: Any, **kwargs: Any) -> None:
        super().__init__(age, *args, **kwargs)
        _ages[STARTED] = max(_ages[STARTED], age)
        # Where the system has no epoll, nothing is taken over.
        self._hijacker: Hijacker | None = None
        self._response_type: type[EventStreamResponse] | None = None
        self._arrivals = BoundedSemaphore(ARRIVALS_AT_ONCE)

    def load_wsgi(self) -> None:
        """Load the application, and note with each response what it is written to."""
        super().load_wsgi()
        from notifications.streams.event_stream import EventStreamResponse

        self._response_type = EventStreamResponse
        self.wsgi = self._noting_exchange(self.wsgi)

    def _noting_exchange(self, application: Callable[..., Any]) -> Callable[..., Any]:
        def noting(environ: dict[str, Any], start_response: Any) -> Any:
            began = datetime.now()
            # Nothing with a body, which a slow client could let us wait for.
            arrives = (
                environ["REQUEST_METHOD"] == "GET"
                and environ.get("HTTP_ACCEPT") == EVENT_STREAM
            )
            with self._arrivals if arrives else nullcontext():
                response = application(environ, start_response)
            if self._is_stream(response):
                reply = start_response.__self__
                response.exchange = Exchange(environ, reply, began)
            return response

        return noting

    def _is_stream(self, response: Any) -> bool:
        return self._response_type is not None and isinstance(
            response, self._response_type
        )

    def run(self) -> None:
        """Serve until told to stop, then end the streams that are left."""
        from django.apps import apps

        # Not with the first request, as under other servers: a worker that is idle
        # sweeps the outbox, too.
        apps.get_app_config("notifications").start_threads()  # type: ignore[attr-defined]
        self._start_hijacker()
        # Streams are many objects that stay, and requests make many that go: to look
        # through them all as often as Python does by default takes a tenth of the time.
        gc.freeze()
        gc.set_threshold(GARBAGE_OBJECTS, *gc.get_threshold()[1:])
        _ages[SERVING] = max(_ages[SERVING], self.age)
        draining = gevent.spawn(self._drain)
        super().run()
        while not draining.ready():
            self.notify()
            draining.join(NOTIFY_SECONDS)

    def _start_hijacker(self) -> None:
        """Prepare for sockets to be taken over, where the system has epoll."""
        from notifications.streams.heartbeats import Heartbeats
        from notifications.streams.hijack import Hijacker, Poller

        # gevent takes it out of `select`, since its `poll` would block all greenlets.
        try:
            epoll = monkey.get_original("select", "epoll")
        except AttributeError:
            return
        poller, heartbeats = Poller(epoll()), Heartbeats()
        self._hijacker = Hijacker(poller, heartbeats)
        for loop in (gevent.spawn(_watch, poller), gevent.spawn(_beat, heartbeats)):
            loop.link_exception(self._stop_broken)

    def _stop_broken(self, loop: "gevent.Greenlet[..., Any]") -> None:
        """Let another worker take over from one that cannot serve its streams."""
        self.log.error("Event streams are not served any more: %r", loop.exception)
        self.alive = False

    def is_already_handled(self, respiter: Any) -> bool:
        """Take an event stream over; see gunicorn's AsyncWorker."""
        if self._hijacker and self._is_stream(respiter) and _can_take(respiter):
            self._take(respiter, self._hijacker)
            # The end of what the server has to do with this client.
            raise StopIteration
        return bool(super().is_already_handled(respiter))

    def _take(self, response: "EventStreamResponse", hijacker: "Hijacker") -> None:
        from notifications.streams.client_socket import PlainSocket

        environ, reply, began = response.exchange
        client = environ["gunicorn.socket"]
        try:
            first = _head(reply)
            for chunk in response.stream.opening:
                first += chunk
                if len(first) >= REPLAY_WRITE_BYTES:
                    # A long replay takes the time that the client needs to read it.
                    client.sendall(first)
                    first = b""
            family, kind, protocol = client.family, client.type, client.proto
            plain = PlainSocket(family, kind, protocol, client.detach())
            plain.setblocking(False)
            hijacker.take(response.stream, plain, first=first)
        finally:
            self.log.access(reply, reply.req, environ, datetime.now() - began)
            response.close()

    def handle_exit(self, sig: int, frame: Any) -> None:
        """Stop, once whoever takes our place serves; see gunicorn's Worker."""
        gevent.spawn(self._stop, sig, frame)

    def _stop(self, sig: int, frame: Any) -> None:
        # A reload starts the new workers first, and they need a moment.
        left = (1 - DRAIN_SHARE) * self.cfg.graceful_timeout / 2
        while _ages[SERVING] < _ages[STARTED] and left > 0:
            gevent.sleep(WAKE_SECONDS)
            left -= WAKE_SECONDS
        super().handle_exit(sig, frame)

    def _drain(self) -> None:
        """End the streams bit by bit, once the worker is to stop."""
        from notifications.conf import conf
        from notifications.streams.admission import shared_admission
        from notifications.streams.drain import drain

        while self.alive:
            gevent.sleep(WAKE_SECONDS)
        seconds = min(conf.DRAIN_TIMEOUT, DRAIN_SHARE * self.cfg.graceful_timeout)
        drain(shared_admission().present, seconds=seconds, sleep=gevent.sleep)


def _can_take(response: "EventStreamResponse") -> bool:
    exchange = response.exchange
    return (
        response.is_unwrapped
        # Not a subclass: HTTP/2 has one, and TLS another socket.
        and type(exchange.reply) is Response
        and type(exchange.environ["gunicorn.socket"]) is gevent_socket.socket
    )


def _watch(poller: "Poller") -> None:
    """Let sockets that are ready read or write, for ever."""
    while True:
        gevent_socket.wait_read(poller.fileno())
        poller.handle()
        gevent.sleep(0)


def _beat(heartbeats: "Heartbeats") -> None:
    """Send the heartbeats that are due, for ever."""
    from notifications.streams.heartbeats import TICK_SECONDS

    while True:
        gevent.sleep(TICK_SECONDS)
        heartbeats.turn()


def _head(reply: Response) -> bytes:
    """Return the head of a response whose body ends with the connection.

    What gunicorn's own `send_headers` would send, to be sent with what follows.
    """
    reply.force_close()
    reply.chunked = False
    lines = reply.default_headers()
    lines += [f"{name}: {value}\r\n" for name, value in reply.headers]
    reply.headers_sent = True
    return "".join([*lines, "\r\n"]).encode("latin-1")
