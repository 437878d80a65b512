"""The body of a request: its first part is read before the site works on the request.

So a client that sends its body slowly holds no connection to the database.
"""

import io
from typing import IO, Any, Protocol

from notifications.streams.slow_clients import SlotClient

# A body is read in pieces of this size. Most bodies are one piece.
PIECE_BYTES = 65_536


class Source(Protocol):
    """What the bytes of a body are read from, as gunicorn's Body."""

    def read(self, size: int) -> bytes:
        """Return this many bytes, or fewer at the end."""


class IncompleteBody(OSError):
    """The client has ended its body too early, or was too slow."""


def receive(source: Source, client: SlotClient, *, length: int | None) -> IO[bytes]:
    """Read the first piece of a body, and return a file of the whole body.

    `length` is None for a body in chunks, whose source knows its end. Raises
    IncompleteBody; so does reading the file, whose other pieces are read then.
    """
    body = RequestBody(source, client, length=length)
    first = body.read_piece(PIECE_BYTES)
    if body.finished:
        return io.BytesIO(first)
    body.unread(first)
    return io.BufferedReader(body, PIECE_BYTES)


class RequestBody(io.RawIOBase):
    """Reads a body piece by piece; the client has BODY_TIMEOUT for each."""

    def __init__(
        self, source: Source, client: SlotClient, *, length: int | None
    ) -> None:
        super().__init__()
        self._source = source
        self._client = client
        self._left = length
        self._unread = b""
        # Whether the source has nothing more.
        self.finished = length == 0

    def readable(self) -> bool:
        """Tell that it can be read; see RawIOBase."""
        return True

    def unread(self, piece: bytes) -> None:
        """Return this piece again before the next one."""
        self._unread = piece

    def readinto(self, buffer: Any) -> int:
        """Read into a buffer; see RawIOBase."""
        piece = self._unread or self.read_piece(min(len(buffer), PIECE_BYTES))
        part, self._unread = piece[: len(buffer)], piece[len(buffer) :]
        buffer[: len(part)] = part
        return len(part)

    def read_piece(self, size: int) -> bytes:
        """Read this many bytes, or fewer at the end. Raises IncompleteBody."""
        if self.finished:
            return b""
        size = size if self._left is None else min(size, self._left)
        self._client.send_body()
        try:
            piece = self._source.read(size)
        finally:
            self._client.work()
        if self._left is None:
            self.finished = len(piece) < size
            return piece
        if len(piece) < size:
            raise IncompleteBody(f"expected {self._left} more bytes, got {len(piece)}")
        self._left -= size
        self.finished = not self._left
        return piece
