"""The charts of the admin's Live page, as paths of SVG; computes, and reads nothing."""

import math
from collections.abc import Callable, Iterator
from dataclasses import asdict, dataclass

from django.utils.functional import Promise
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from notifications.monitoring.dashboard import UNKNOWN, format_number
from notifications.monitoring.history import SLOTS, History, Values

# In the units of the SVG, which are stretched to the size of the chart.
WIDTH, HEIGHT = 590, 100

CHARTS: dict[str, str | Promise] = {
    "streams": gettext_lazy("Streams"),
    "events": gettext_lazy("Events/s"),
    "deliveries": gettext_lazy("Deliveries/s"),
    "lag": gettext_lazy("Lag"),
}


@dataclass(frozen=True, slots=True)
class Chart:
    """A line, and the area below it, as the `d` of SVG paths.

    `top` is the value at the upper edge; the lower one is zero. `text` says in words
    what the chart shows. All are empty without values.
    """

    line: str
    area: str
    top: str
    text: str


def make_charts(history: History | None) -> dict[str, Chart]:
    """Return the charts by their keys; without a history they are empty."""
    values = asdict(history or History())
    return {key: _chart(values[key], _FORMATS[key]) for key in CHARTS}


def _chart(values: Values, write: Callable[[float], str]) -> Chart:
    known = [each for each in values if each is not None]
    if not known:
        return Chart("", "", UNKNOWN, _("No data in the last 10 minutes."))
    top = _round_up(max(known))
    runs = [*_runs(values)]
    text = _(
        "Between %(low)s and %(high)s in the last 10 minutes, %(last)s at the end."
    )
    return Chart(
        line="".join(_line(run, top) for run in runs),
        area="".join(_area(run, top) for run in runs),
        top=write(top),
        text=text
        % {
            "low": write(min(known)),
            "high": write(max(known)),
            "last": write(known[-1]),
        },
    )


def _runs(values: Values) -> Iterator[list[tuple[int, float]]]:
    """Yield the values that follow each other without a gap, with their slots."""
    run: list[tuple[int, float]] = []
    for slot, value in enumerate(values):
        if value is not None:
            run.append((slot, value))
        elif run:
            yield run
            run = []
    if run:
        yield run


def _line(run: list[tuple[int, float]], top: float) -> str:
    points = [f"{_x(slot)} {HEIGHT * (1 - value / top):.1f}" for slot, value in run]
    # A single point is a line of no length, which its round ends make visible.
    return "M" + "L".join(points if len(points) > 1 else points * 2)


def _area(run: list[tuple[int, float]], top: float) -> str:
    first, last = run[0][0], run[-1][0]
    return f"{_line(run, top)}L{_x(last)} {HEIGHT}L{_x(first)} {HEIGHT}Z"


def _x(slot: int) -> int:
    return round(WIDTH * slot / (SLOTS - 1))


def _round_up(value: float) -> float:
    """Return the next of 1, 2, 5, 10, 20, 50 and so on; 1 for zero."""
    if value <= 0:
        return 1
    power: float = 10.0 ** math.floor(math.log10(value))
    return next(step * power for step in (1, 2, 5, 10) if value <= step * power)


def _number(value: float) -> str:
    return format_number(value, decimals=0 if value >= 10 or value == int(value) else 1)


def _milliseconds(value: float) -> str:
    return _("%s ms") % format_number(value)


_FORMATS: dict[str, Callable[[float], str]] = {
    "streams": _number,
    "events": _number,
    "deliveries": _number,
    "lag": _milliseconds,
}
