"""Many streams in one thread, each with the behaviour of a browser's EventSource."""

import asyncio
import contextlib
import socket
import threading
from collections.abc import Callable, Coroutine, Iterable
from types import TracebackType
from typing import Any, TypeVar

from tests.system.eventsource import Chunks, EventParser, Received, Whole, body_of
from tests.system.server import DEADLINE_SECONDS, Site, wait_for

T = TypeVar("T")

STREAM = "/notifications/stream/"
HEARTBEAT = "heartbeat"
# How long a stream waits before it reconnects, until the server has sent `retry`.
RETRY_SECONDS = 0.2
# A stream reconnects after these statuses, too: after Retry-After if it was sent.
RECONNECT = (429, 503)
READ_BYTES = 65_536


class Stream:
    """One EventSource: reads, remembers its cursor, and reconnects.

    Only the crowd's thread writes to it. Tests read it and change it through the
    crowd. `make_socket` returns a TCP socket that is not connected yet.
    """

    def __init__(
        self,
        address: tuple[str, int],
        path: str,
        *,
        session: str,
        last_event_id: str | bytes,
        receive_bytes: int | None,
        make_socket: Callable[[], socket.socket],
    ) -> None:
        self.path = path
        self._address = address
        self._session = session
        self._receive_bytes = receive_bytes
        self._make_socket = make_socket
        self._socket: socket.socket | None = None
        self._reading = asyncio.Event()
        self._reading.set()
        # The header's value; bytes, so that a test can send invalid text.
        self._last_event_id = _bytes(last_event_id)
        self._retry = RETRY_SECONDS
        # The events without the heartbeats, which are only counted.
        self.events: list[Received] = []
        self.heartbeats = 0
        self.statuses: list[int] = []
        # Whether it is attached: the server has sent a heartbeat with its cursor.
        self.live = False
        # Whether the server refused it, so that it does not reconnect.
        self.refused = False
        # For each time that it was attached: the cursor that it resumed from, and the
        # one that it had reached with what it had missed.
        self.catch_ups: list[tuple[str, str]] = []
        self._resumed_from = ""

    @property
    def attached(self) -> int:
        """How often it was attached."""
        return len(self.catch_ups)

    @property
    def last_event_id(self) -> str:
        """The id that it resumes from."""
        return self._last_event_id.decode(errors="replace")

    @property
    def port(self) -> int:
        """The port that it comes from, while it is connected."""
        assert self._socket is not None
        return int(self._socket.getsockname()[1])

    @property
    def uids(self) -> list[str]:
        """The uids of the events, in order; the server's own events have none."""
        return [uid for uid in (each.uid for each in list(self.events)) if uid]

    def named(self, name: str) -> list[Received]:
        """Return the events of this name, in order."""
        return [each for each in list(self.events) if each.name == name]

    async def run(self) -> None:
        """Read, and reconnect after each end, until refused or cancelled."""
        while not self.refused:
            pause = None
            try:
                with contextlib.suppress(OSError, EOFError):
                    pause = await self._connect_and_read()
            finally:
                self._hang_up()
            await asyncio.sleep(self._retry if pause is None else pause)

    async def _connect_and_read(self) -> float:
        """Read until the end; return how long to wait before reconnecting."""
        loop = asyncio.get_running_loop()
        self._resumed_from = self.last_event_id
        self._socket = sock = self._make_socket()
        sock.setblocking(False)
        if self._receive_bytes is not None:
            # Before connecting, which announces the window to the other side.
            sock.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, self._receive_bytes)
        await loop.sock_connect(sock, self._address)
        await loop.sock_sendall(sock, self._request())
        status, headers, body = await _read_head(sock)
        self.statuses.append(status)
        if status in RECONNECT:
            return float(headers.get(b"retry-after", RETRY_SECONDS))
        if status != 200:
            self.refused = True
            return 0
        await self._read_events(sock, body_of(headers), body)
        return self._retry

    def _request(self) -> bytes:
        lines = [
            f"GET {self.path} HTTP/1.1".encode(),
            f"Host: {self._address[0]}:{self._address[1]}".encode(),
            b"Accept: text/event-stream",
        ]
        if self._session:
            lines.append(f"Cookie: sessionid={self._session}".encode())
        if self._last_event_id:
            lines.append(b"Last-Event-ID: " + self._last_event_id)
        return b"\r\n".join([*lines, b"", b""])

    async def _read_events(
        self, sock: socket.socket, chunks: Chunks | Whole, body: bytes
    ) -> None:
        loop = asyncio.get_running_loop()
        parser = EventParser(self.last_event_id)
        while True:
            for event in parser.feed(chunks.feed(body)):
                self._take(event)
            self._retry = parser.retry or self._retry
            if chunks.finished:
                return
            await self._reading.wait()
            body = await loop.sock_recv(sock, READ_BYTES)
            if not body:
                raise EOFError

    def _take(self, event: Received) -> None:
        self._last_event_id = event.id.encode()
        if event.name != HEARTBEAT:
            self.events.append(event)
            return
        self.heartbeats += 1
        if not self.live:
            self.live = True
            self.catch_ups.append((self._resumed_from, event.id))

    def _hang_up(self) -> None:
        self.live = False
        if self._socket is not None:
            self._socket.close()

    def break_off(self) -> None:
        """Break the connection, if there is one; in the crowd's thread."""
        self.live = False
        if self._socket is not None:
            with contextlib.suppress(OSError):
                self._socket.shutdown(socket.SHUT_RDWR)

    def pause(self) -> None:
        """Stop reading until `resume`; in the crowd's thread."""
        self._reading.clear()

    def resume(self) -> None:
        """Read again, on new connections with a buffer of full size."""
        self._receive_bytes = None
        self._reading.set()


class Crowd:
    """Opens streams, and ends them all when its block is left."""

    def __init__(self, site: Site, *, host: str = "127.0.0.1") -> None:
        self._address = (host, site.port)
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever, daemon=True)
        self._tasks: dict[Stream, asyncio.Task[None]] = {}

    def __enter__(self) -> "Crowd":
        self._thread.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.close(*self._tasks)
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join(DEADLINE_SECONDS)
        self._loop.close()

    def open(
        self,
        path: str = STREAM,
        *,
        session: str = "",
        last_event_id: str | bytes = "",
        receive_bytes: int | None = None,
        make_socket: Callable[[], socket.socket] = socket.socket,
    ) -> Stream:
        """Open a stream; return without waiting until it is attached."""
        stream = Stream(
            self._address,
            path,
            session=session,
            last_event_id=last_event_id,
            receive_bytes=receive_bytes,
            make_socket=make_socket,
        )
        self.run(self._start(stream))
        return stream

    def close(self, *streams: Stream) -> None:
        """End streams for good, and wait until they have ended."""
        self.run(self._end([self._tasks.pop(stream) for stream in streams]))
        for stream in streams:
            stream.live = False

    def break_off(self, stream: Stream) -> None:
        """Break a stream's connection; it reconnects by itself."""
        self._loop.call_soon_threadsafe(stream.break_off)

    def pause(self, *streams: Stream) -> None:
        """Stop streams from reading until `resume`."""
        for stream in streams:
            self._loop.call_soon_threadsafe(stream.pause)

    def resume(self, *streams: Stream) -> None:
        """Have streams read again."""
        for stream in streams:
            self._loop.call_soon_threadsafe(stream.resume)

    def run(self, work: Coroutine[Any, Any, T]) -> T:
        """Run a coroutine in the crowd's thread; return what it returns."""
        return asyncio.run_coroutine_threadsafe(work, self._loop).result(
            DEADLINE_SECONDS
        )

    async def _start(self, stream: Stream) -> None:
        self._tasks[stream] = asyncio.create_task(stream.run())

    async def _end(self, tasks: list[asyncio.Task[None]]) -> None:
        for task in tasks:
            task.cancel()
        for end in await asyncio.gather(*tasks, return_exceptions=True):
            if isinstance(end, Exception):
                raise end


def wait_until_live(streams: Iterable[Stream]) -> None:
    """Wait until all the streams are attached."""
    missing = list(streams)

    def none_missing() -> bool:
        missing[:] = [stream for stream in missing if not stream.live]
        return not missing

    try:
        wait_for(none_missing, what="streams to be attached")
    except AssertionError as error:
        raise AssertionError(f"{error}: {[s.statuses for s in missing]}") from None


async def _read_head(sock: socket.socket) -> tuple[int, dict[bytes, bytes], bytes]:
    """Return the status, the headers and the start of the body."""
    loop = asyncio.get_running_loop()
    got = b""
    while b"\r\n\r\n" not in got:
        more = await loop.sock_recv(sock, READ_BYTES)
        if not more:
            raise EOFError
        got += more
    head, _, body = got.partition(b"\r\n\r\n")
    first, *lines = head.split(b"\r\n")
    pairs = (line.partition(b":") for line in lines)
    headers = {name.lower(): value.strip() for name, _, value in pairs}
    return int(first.split()[1]), headers, body


def _bytes(text: str | bytes) -> bytes:
    return text.encode() if isinstance(text, str) else text
