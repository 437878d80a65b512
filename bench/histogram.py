"""Quantiles of the histograms that the load client counts; the inverse of stats.h."""

from collections import Counter
from collections.abc import Iterable

STEPS = 32


class Histogram:
    """How often which time was taken, in microseconds."""

    def __init__(self, pairs: Iterable[tuple[int, int]] = ()) -> None:
        self._counts: Counter[int] = Counter()
        self.add(pairs)

    def add(self, pairs: Iterable[tuple[int, int]]) -> None:
        """Count (bucket, count) pairs in."""
        for bucket, count in pairs:
            self._counts[bucket] += count

    @property
    def count(self) -> int:
        """How many times were counted."""
        return self._counts.total()

    def quantile_ms(self, share: float) -> float:
        """Return the time, in ms, that this share of all did not exceed."""
        wanted = share * self.count
        seen = 0
        for bucket in sorted(self._counts):
            seen += self._counts[bucket]
            if seen >= wanted:
                return upper_us(bucket) / 1000
        return 0.0


def upper_us(bucket: int) -> int:
    """Return where a bucket ends, in microseconds."""
    if bucket < STEPS:
        return bucket + 1
    power, step = divmod(bucket, STEPS)
    return (STEPS + step + 1) << (power - 1)
