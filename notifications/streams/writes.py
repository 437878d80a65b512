"""Frames joined into writes of a reasonable size."""

from collections.abc import Iterable, Iterator

from notifications.protocol.frames import Batch, Frame

# Waiting frames are joined into writes of about this many bytes.
WRITE_BYTES = 16_384


def join(several: Iterable[Frame | Batch]) -> Iterator[bytes]:
    """Yield the bytes of frames or batches, joined into writes."""
    waiting = bytearray()
    for each in several:
        waiting += each.body
        if len(waiting) >= WRITE_BYTES:
            yield bytes(waiting)
            waiting.clear()
    if waiting:
        yield bytes(waiting)
