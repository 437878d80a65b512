"""Events with a number, a timestamp and a fixed size, and checksums of them."""

import time
from collections.abc import Iterable
from dataclasses import dataclass

TOPIC = "topic:bench"
# The size of an event on the wire, the same for every server.
FRAME_BYTES = 300
_64 = (1 << 64) - 1


@dataclass(frozen=True, slots=True)
class Event:
    """An event to publish, and its topic."""

    number: int
    topic: str = TOPIC


def body(number: int, *, around: int) -> str:
    """Return the JSON of an event, with the current time.

    `around` is the number of bytes in the server's frame besides the JSON.
    """
    start = f'{{"n":{number},"t":{time.monotonic_ns()},"text":"'
    padding = FRAME_BYTES - around - len(start) - 2
    return f'{start}{"x" * padding}"}}'


@dataclass(frozen=True, slots=True)
class Checksum:
    """The count of events and the sum of their hashes, which ignores their order."""

    count: int = 0
    sum: int = 0

    def __add__(self, other: "Checksum") -> "Checksum":
        return Checksum(self.count + other.count, (self.sum + other.sum) & _64)


def checksum(numbers: Iterable[int]) -> Checksum:
    """Return the checksum of the events with these numbers."""
    hashes = [mix(number) for number in numbers]
    return Checksum(len(hashes), sum(hashes) & _64)


def mix(number: int) -> int:
    """Return the hash of a number; stats.h has the same function."""
    number = (number + 0x9E3779B97F4A7C15) & _64
    number = ((number ^ (number >> 30)) * 0xBF58476D1CE4E5B9) & _64
    number = ((number ^ (number >> 27)) * 0x94D049BB133111EB) & _64
    return number ^ (number >> 31)
