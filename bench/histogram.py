"""Quantiles of the load client's histograms; the inverse of stats.h."""

from collections import Counter
from collections.abc import Iterable

STEPS = 32


class Histogram:
    """A histogram of times, in the buckets of stats.h."""

    def __init__(self, pairs: Iterable[tuple[int, int]] = ()) -> None:
        self._counts: Counter[int] = Counter()
        self.add(pairs)

    def add(self, pairs: Iterable[tuple[int, int]]) -> None:
        """Add (bucket, count) pairs."""
        for bucket, count in pairs:
            self._counts[bucket] += count

    @property
    def count(self) -> int:
        """The number of times in all buckets."""
        return self._counts.total()

    def quantile_ms(self, share: float) -> float:
        """Return the quantile at `share` (from 0 to 1), in milliseconds."""
        wanted = share * self.count
        seen = 0
        for bucket in sorted(self._counts):
            seen += self._counts[bucket]
            if seen >= wanted:
                return upper_us(bucket) / 1000
        return 0.0


def upper_us(bucket: int) -> int:
    """Return the upper bound of a bucket, in microseconds."""
    if bucket < STEPS:
        return bucket + 1
    power, step = divmod(bucket, STEPS)
    return (STEPS + step + 1) << (power - 1)
