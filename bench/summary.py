"""Combines rounds into one value, and compares values with goals."""

from collections.abc import Sequence
from math import ceil
from statistics import median

Sample = dict[str, float]

# For these the worst round counts, or the sum of all; for others the median.
WORST = ("client_cpu",)
SUMS = (
    "lost",
    "extra",
    "wrong_streams",
    "disorder",
    "dropped",
    "resets",
    "page_failures",
)
# Above this share of its core, the load client may have been the bottleneck.
BUSY_CLIENT = 0.9


def of_rounds(rounds: Sequence[Sample]) -> Sample:
    """Return one sample for several rounds."""
    return {name: _figure(name, [each[name] for each in rounds]) for name in rounds[0]}


def _figure(name: str, values: list[float]) -> float:
    if name in WORST:
        return max(values)
    return sum(values) if name in SUMS else median(values)


def ratio(above: Sequence[Sample], below: Sequence[Sample], name: str) -> float:
    """Return the median of the ratios of two columns, round by round."""
    pairs = zip(above, below, strict=True)
    return median(one[name] / other[name] for one, other in pairs if other[name])


def goal(
    text: str,
    value: float,
    *,
    most: float | None = None,
    least: float | None = None,
) -> dict[str, object]:
    """Return a goal with the measured value, and whether it is met."""
    met = (most is None or value <= most) and (least is None or value >= least)
    return {
        "goal": text,
        "value": round(value, 4),
        "limit": most if least is None else least,
        "sign": "at most" if least is None else "at least",
        "met": met,
    }


def quantile(values: Sequence[float], share: float) -> float:
    """Return the quantile of the values at `share`, from 0 to 1."""
    ordered = sorted(values)
    return ordered[max(0, ceil(share * len(ordered)) - 1)]
