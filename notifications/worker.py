"""A gunicorn worker that takes over the sockets of event streams.

    gunicorn --worker-class notifications.worker.EventStreamWorker

An open stream then needs no greenlet, no request and no database connection. With TLS,
HTTP/2, a middleware that wraps the response, or without epoll, it stays an iterator in
a greenlet.
"""

import errno
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
from gunicorn.errors import HaltServer
from gunicorn.http.wsgi import Response
from gunicorn.workers.ggevent import GeventWorker

from notifications.lib.descriptors import request_limit
from notifications.lib.late_handshake import handshake_later
from notifications.protocol.sse import EVENT_STREAM

# Modules that import Django are imported after gevent has patched the worker: otherwise
# all greenlets would share Django's thread-locals.
if TYPE_CHECKING:
    from notifications.streams.event_stream import StreamResponse
    from notifications.streams.heartbeats import Heartbeats
    from notifications.streams.hijack import Hijacker, Poller
    from notifications.streams.slow_clients import SlowClients

# The application would be loaded before gevent has patched its locks and thread-locals,
# so that all requests of a worker would share one connection to the database.
PRELOADED = "preload_app does not work with EventStreamWorker: remove it, or --preload."
# The largest part of gunicorn's graceful_timeout that ending the streams may take.
DRAIN_SHARE = 0.6
WAKE_SECONDS = 0.25
# How often gunicorn is notified that a stopping worker is alive.
NOTIFY_SECONDS = 1.0
# When thousands of clients reconnect, the others wait before they need much memory, and
# the requests for pages do not wait for all of them. Those that are opened at the same
# time share a round trip to Redis, and the queries that check their logins.
MAX_OPENING_STREAMS = 48
# How many objects are allocated between two garbage collections.
GARBAGE_THRESHOLD = 10_000
# The errors of a socket whose client has gone without closing it: tcp(7).
LOST_CLIENT = frozenset({errno.ETIMEDOUT, errno.EHOSTUNREACH, errno.ENETUNREACH})
# gunicorn numbers its workers by `age`. Memory that the master and the workers share
# holds the age of the newest worker that was started, and of the newest that serves.
_newest_age = memoryview(mmap.mmap(-1, 16)).cast("q")
STARTED, SERVING = 0, 1


class WsgiCall(NamedTuple):
    """One call of the application: its environ, gunicorn's response, and its start."""

    environ: dict[str, Any]
    gunicorn_response: Response
    started_at: datetime


class EventStreamWorker(GeventWorker):
    """gunicorn's gevent worker, which hijacks the sockets of event streams."""

    def __init__(self, age: int, *args: Any, **kwargs: Any) -> None:
        super().__init__(age, *args, **kwargs)
        # gunicorn makes workers in the master.
        if self.cfg.preload_app:
            raise HaltServer(PRELOADED)
        _newest_age[STARTED] = max(_newest_age[STARTED], age)
        # None without epoll: then no socket is hijacked.
        self._hijacker: Hijacker | None = None
        # The responses that are streams.
        self._stream_types: tuple[type, ...] = ()
        # The clients of the requests that are served; None without an application.
        self._clients: SlowClients | None = None
        self._opening = BoundedSemaphore(MAX_OPENING_STREAMS)

    def load_wsgi(self) -> None:
        """Load the application; see gunicorn's Worker."""
        super().load_wsgi()
        from notifications.streams.event_stream import BareResponse, ConnectionResponse

        self._stream_types = (ConnectionResponse, BareResponse)
        self.wsgi = self._with_wsgi_call(self.wsgi)

    def _with_wsgi_call(self, application: Callable[..., Any]) -> Callable[..., Any]:
        """Wrap the application: add the WsgiCall to each response that is a stream."""

        def wrapped(environ: dict[str, Any], start_response: Any) -> Any:
            started_at = datetime.now()
            opens_stream = (
                environ["REQUEST_METHOD"] == "GET"
                and environ.get("HTTP_ACCEPT") == EVENT_STREAM
            )
            with self._opening if opens_stream else nullcontext():
                response = application(environ, start_response)
            if self._is_stream(response):
                # `start_response` is a method of gunicorn's response.
                gunicorn_response = start_response.__self__
                response.wsgi_call = WsgiCall(environ, gunicorn_response, started_at)
            return response

        return wrapped

    def _is_stream(self, response: Any) -> bool:
        return isinstance(response, self._stream_types)

    def run(self) -> None:
        """Serve until the worker is stopped, then end the streams that are left."""
        from django.apps import apps

        self._start_hijacker()
        # Other servers start the threads with the first request. An idle worker has to
        # sweep the outbox, too.
        # With --reload, gunicorn also serves a page about an application that fails.
        if apps.ready:
            config: Any = apps.get_app_config("notifications")
            config.start_threads()
            self._watch_clients()
        # The streams are many objects that stay. With Python's default threshold, a
        # tenth of the time goes into searching them for garbage.
        gc.freeze()
        gc.set_threshold(GARBAGE_THRESHOLD, *gc.get_threshold()[1:])
        _newest_age[SERVING] = max(_newest_age[SERVING], self.age)
        draining = gevent.spawn(self._drain)
        super().run()
        while not draining.ready():
            self.notify()
            draining.join(NOTIFY_SECONDS)

    def _watch_clients(self) -> None:
        """Cut clients that are slow, from now on."""
        from notifications.streams.admission import shared_admission
        from notifications.streams.slow_clients import SlowClients, check_forever
        from notifications.streams.timed_application import TimedApplication

        if self.cfg.is_ssl:
            # gevent would wait for a handshake before it calls `handle`.
            self.cfg.set("ssl_context", handshake_later(self.cfg.ssl_context))
        else:
            # With TLS, streams are requests that do not end.
            self.worker_connections = min(self.worker_connections, request_limit())
        streams = self._hijacker.count if self._hijacker else lambda: 0
        self._clients = SlowClients(slots=self.worker_connections, streams=streams)
        self.wsgi = TimedApplication(  # type: ignore[assignment]
            self.wsgi, self._clients, response_type=Response, hijacks=self._hijacks
        )
        connections = shared_admission().connections
        loop = gevent.spawn(check_forever, self._clients, connections, gevent.sleep)
        loop.link_exception(self._stop_broken)

    def handle(self, listener: Any, client: Any, addr: Any) -> None:
        """Serve the requests of a connection; see gunicorn's AsyncWorker."""
        if self._clients is None:
            super().handle(listener, client, addr)
            return
        if self._clients.lacks_sockets():
            return
        self._clients.enter(client, addr[0] if isinstance(addr, tuple) else "")
        try:
            super().handle(listener, client, addr)
        finally:
            self._clients.leave(client)

    def handle_http2(self, listener: Any, client: Any, *args: Any, **more: Any) -> None:
        """Serve the requests of a connection, without limits of their time."""
        if self._clients is not None:
            self._clients.of(client).work()
        super().handle_http2(listener, client, *args, **more)

    def _start_hijacker(self) -> None:
        """Prepare to hijack sockets, if the system has epoll."""
        from notifications.streams.heartbeats import Heartbeats
        from notifications.streams.hijack import Hijacker, Poller

        # gevent removes it from `select`, since its `poll` would block all greenlets.
        try:
            epoll = monkey.get_original("select", "epoll")
        except AttributeError:
            return
        poller, heartbeats = Poller(epoll()), Heartbeats()
        self._hijacker = Hijacker(poller, heartbeats)
        loops = (
            gevent.spawn(_handle_sockets, poller),
            gevent.spawn(_send_heartbeats, heartbeats),
        )
        for loop in loops:
            loop.link_exception(self._stop_broken)

    def _stop_broken(self, loop: "gevent.Greenlet[..., Any]") -> None:
        """Stop a worker that cannot serve its streams; the master starts another."""
        self.log.error("Event streams are not served any more: %r", loop.exception)
        self.alive = False

    def handle_request(self, listener: Any, req: Any, sock: Any, addr: Any) -> bool:
        """Serve a request, and wait for the next; see gunicorn's AsyncWorker.

        Logs one line about a client that acknowledges nothing any more, for which
        gunicorn would log a traceback.
        """
        try:
            served = bool(super().handle_request(listener, req, sock, addr))
        except OSError as error:
            if error.errno not in LOST_CLIENT:
                raise
            self.log.info("client=lost path=%r reason=%r", req.path, error.strerror)
            # Tells gunicorn to close the connection.
            raise StopIteration from error
        if self._clients is not None:
            self._clients.of(sock).send_head(keep_alive=self.cfg.keepalive)
        return served

    def _hijacks(self, response: Any) -> bool:
        """Tell whether this worker takes over the socket of a response."""
        if not (self._hijacker and self._is_stream(response) and response.is_unwrapped):
            return False
        wsgi_call = response.wsgi_call
        # Exactly these types: HTTP/2 has a subclass of the response, TLS another type
        # of socket.
        return (
            type(wsgi_call.gunicorn_response) is Response
            and type(wsgi_call.environ["gunicorn.socket"]) is gevent_socket.socket
        )

    def is_already_handled(self, respiter: Any) -> bool:
        """Hijack the socket of an event stream; see gunicorn's AsyncWorker."""
        if self._hijacker and self._hijacks(respiter):
            self._hijack(respiter, self._hijacker)
            # Tells gunicorn that it has nothing more to do for this client.
            raise StopIteration
        return bool(super().is_already_handled(respiter))

    def _hijack(self, response: "StreamResponse", hijacker: "Hijacker") -> None:
        from notifications.streams.client_socket import PlainSocket
        from notifications.streams.opening import write_opening

        environ, gunicorn_response, started_at = response.wsgi_call
        client = environ["gunicorn.socket"]
        # HTTP/1.0 has no chunks: the body ends with the connection.
        chunked = gunicorn_response.chunked
        try:
            watched = self._clients.of(client) if self._clients else None
            first = write_opening(response, watched)
            family, kind, protocol = client.family, client.type, client.proto
            plain = PlainSocket(family, kind, protocol, client.detach())
            plain.setblocking(False)
            hijacker.hijack(response.stream, plain, first=first, chunked=chunked)
        finally:
            elapsed = datetime.now() - started_at
            request = gunicorn_response.req
            self.log.access(gunicorn_response, request, environ, elapsed)
            response.close()

    def handle_exit(self, sig: int, frame: Any) -> None:
        """Stop once the workers that replace this one serve; see gunicorn's Worker."""
        gevent.spawn(self._stop, sig, frame)

    def _stop(self, sig: int, frame: Any) -> None:
        # A reload starts the new workers first, and they need a moment.
        left = (1 - DRAIN_SHARE) * self.cfg.graceful_timeout / 2
        while _newest_age[SERVING] < _newest_age[STARTED] and left > 0:
            gevent.sleep(WAKE_SECONDS)
            left -= WAKE_SECONDS
        super().handle_exit(sig, frame)

    def _drain(self) -> None:
        """Wait until the worker has to stop, then end its streams gradually."""
        from notifications.conf import conf
        from notifications.streams.admission import shared_admission
        from notifications.streams.drain import drain

        while self.alive:
            gevent.sleep(WAKE_SECONDS)
        seconds = min(conf.DRAIN_TIMEOUT, DRAIN_SHARE * self.cfg.graceful_timeout)
        drain(shared_admission().connections, seconds=seconds, sleep=gevent.sleep)


def _handle_sockets(poller: "Poller") -> None:
    """Let sockets that are ready read or write, forever."""
    while True:
        gevent_socket.wait_read(poller.fileno())
        poller.handle()
        gevent.sleep(0)


def _send_heartbeats(heartbeats: "Heartbeats") -> None:
    """Send the heartbeats that are due, forever."""
    from notifications.streams.heartbeats import TICK_SECONDS

    while True:
        gevent.sleep(TICK_SECONDS)
        heartbeats.send_due()
