"""A TCP proxy between a site and its Redis, which a test can make fail."""

import contextlib
import socket
import threading
import time
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType

CHUNK_BYTES = 65_536
# How much of a client's first bytes is kept, to distinguish the links.
SENT_BYTES = 4_096
ACCEPT_SECONDS = 0.2
JOIN_SECONDS = 5.0

Target = Path | tuple[str, int]


@dataclass(frozen=True, slots=True)
class Shape:
    """How bytes pass: how long each chunk waits, and how many go at a time."""

    delay_seconds: float = 0.0
    slice_bytes: int = CHUNK_BYTES


class Proxy:
    """Listens on a free TCP port and passes on to a Unix socket or (host, port).

    What a test does to it holds until `mend`, for the links that are open and for new
    ones. What was held back is passed on then, as a network does that is whole again.
    """

    def __init__(self, target: Target) -> None:
        self._listener = _listen(0)
        self.port: int = self._listener.getsockname()[1]
        # Guarded by the lock: the links, and how new ones begin.
        self._lock = threading.Lock()
        self._links: set[Link] = set()
        self._target = target
        self._silent = False
        self.shape = Shape()
        self._accepting = self._accept_in_thread()

    def __enter__(self) -> "Proxy":
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.cut()

    @property
    def url(self) -> str:
        """The address of the Redis behind it."""
        return f"redis://127.0.0.1:{self.port}/0"

    def links(self, *, sending: bytes = b"") -> list["Link"]:
        """Return the open links whose client sent this among its first bytes."""
        with self._lock:
            return [link for link in self._links if sending in link.sent]

    def delay(self, seconds: float) -> None:
        """Delay each chunk by this, in either direction."""
        self.shape = Shape(delay_seconds=seconds)

    def slice(self, size: int) -> None:
        """Pass on this many bytes at a time."""
        self.shape = Shape(slice_bytes=size)

    def black_hole(self) -> None:
        """Keep the links open, accept new ones, and pass on nothing, not even ends."""
        with self._lock:
            self._silent = True
            for link in self._links:
                link.hold()

    def cut(self) -> None:
        """Close all links and refuse new ones."""
        with contextlib.suppress(OSError):
            self._listener.shutdown(socket.SHUT_RDWR)
        self._listener.close()
        self._accepting.join(JOIN_SECONDS)
        for link in self.links():
            link.cut()

    def retarget(self, target: Target) -> None:
        """Connect new links to this target; open ones keep theirs."""
        self._target = target

    def mend(self) -> None:
        """Pass everything on again, and take new links."""
        self.shape = Shape()
        with self._lock:
            self._silent = False
            for link in self._links:
                link.release()
        if not self._accepting.is_alive():
            self._listener = _listen(self.port)
            self._accepting = self._accept_in_thread()

    def _accept_in_thread(self) -> threading.Thread:
        thread = threading.Thread(target=self._accept, daemon=True)
        thread.start()
        return thread

    def _accept(self) -> None:
        listener = self._listener
        while listener.fileno() >= 0:
            try:
                client, _ = listener.accept()
            except TimeoutError:
                continue
            except OSError:
                return
            self._link(client)

    def _link(self, client: socket.socket) -> None:
        link = Link(client, proxy=self, target=self._target)
        with self._lock:
            self._links.add(link)
            if self._silent:
                link.hold()
        link.start()

    def forget(self, link: "Link") -> None:
        """Drop a link that has ended."""
        with self._lock:
            self._links.discard(link)


class Link:
    """One connection through the proxy; `sent` is what its client sent first."""

    def __init__(self, client: socket.socket, *, proxy: Proxy, target: Target) -> None:
        self._proxy = proxy
        self._client = client
        self._target = target
        self._server = _socket_for(target)
        self.sent = b""
        # Each is set while bytes pass in its direction.
        self._requests = threading.Event()
        self._replies = threading.Event()
        self.release()

    def start(self) -> None:
        """Pass bytes on, in threads of its own."""
        threading.Thread(target=self._run, daemon=True).start()

    def hold(self) -> None:
        """Pass nothing on, in neither direction."""
        self._requests.clear()
        self.hold_replies()

    def hold_replies(self) -> None:
        """Let the client wait for what it asks, though it reaches the server."""
        self._replies.clear()

    def release(self) -> None:
        """Pass on what was held, and all that comes."""
        self._requests.set()
        self._replies.set()

    def cut(self) -> None:
        """Close both ends; what is held goes nowhere any more."""
        for end in (self._client, self._server):
            # Wakes the thread that reads there, which closing alone does not.
            with contextlib.suppress(OSError):
                end.shutdown(socket.SHUT_RDWR)
            end.close()
        self.release()

    def _run(self) -> None:
        self._requests.wait()
        try:
            self._server.connect(_address(self._target))
            replies = threading.Thread(target=self._reply, daemon=True)
            replies.start()
            self._request()
            replies.join()
        except OSError:
            pass
        finally:
            self._proxy.forget(self)
            self._client.close()
            self._server.close()

    def _request(self) -> None:
        with contextlib.suppress(OSError):
            while data := self._client.recv(CHUNK_BYTES):
                self.sent = (self.sent + data)[:SENT_BYTES]
                self._requests.wait()
                self._send(data, self._server)
            self._requests.wait()
            self._server.shutdown(socket.SHUT_WR)

    def _reply(self) -> None:
        with contextlib.suppress(OSError):
            while data := self._server.recv(CHUNK_BYTES):
                self._replies.wait()
                self._send(data, self._client)
            self._replies.wait()
            # The reading side, too: there is no server left to pass bytes on to.
            self._client.shutdown(socket.SHUT_RDWR)

    def _send(self, data: bytes, end: socket.socket) -> None:
        shape = self._proxy.shape
        time.sleep(shape.delay_seconds)
        for start in range(0, len(data), shape.slice_bytes):
            end.sendall(data[start : start + shape.slice_bytes])


def _listen(port: int) -> socket.socket:
    listener = socket.create_server(("127.0.0.1", port), backlog=128)
    listener.settimeout(ACCEPT_SECONDS)
    return listener


def _socket_for(target: Target) -> socket.socket:
    family = socket.AF_UNIX if isinstance(target, Path) else socket.AF_INET
    end = socket.socket(family)
    if family == socket.AF_INET:
        end.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    return end


def _address(target: Target) -> str | tuple[str, int]:
    return str(target) if isinstance(target, Path) else target
