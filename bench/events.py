"""What is published: numbered, stamped, of one size; and what must have arrived."""

import time
from collections.abc import Iterable
from dataclasses import dataclass

TOPIC = "topic:bench"
# All that a browser gets of an event, on every server.
FRAME_BYTES = 300
_64 = (1 << 64) - 1


@dataclass(frozen=True, slots=True)
class Event:
    """An event to publish, and to whom."""

    number: int
    topic: str = TOPIC


def body(number: int, *, around: int) -> str:
    """Return an event's JSON, stamped with the time.

    `around` is how many bytes the server's frame has beside it.
    """
    start = f'{{"n":{number},"t":{time.monotonic_ns()},"text":"'
    padding = FRAME_BYTES - around - len(start) - 2
    return f'{start}{"x" * padding}"}}'


@dataclass(frozen=True, slots=True)
class Checksum:
    """How many events, and the sum of their mixed numbers; the order is no matter."""

    count: int = 0
    sum: int = 0

    def __add__(self, other: "Checksum") -> "Checksum":
        return Checksum(self.count + other.count, (self.sum + other.sum) & _64)


def checksum(numbers: Iterable[int]) -> Checksum:
    """Return the checksum of events of these numbers."""
    mixed = [mix(number) for number in numbers]
    return Checksum(len(mixed), sum(mixed) & _64)


def mix(number: int) -> int:
    """Return a number's 64 bits mixed, as stats.h does."""
    number = (number + 0x9E3779B97F4A7C15) & _64
    number = ((number ^ (number >> 30)) * 0xBF58476D1CE4E5B9) & _64
    number = ((number ^ (number >> 27)) * 0x94D049BB133111EB) & _64
    return number ^ (number >> 31)
