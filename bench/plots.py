"""Bar charts as SVG, for light and dark pages."""

from collections.abc import Sequence
from dataclasses import dataclass
from html import escape

WIDTH, MARGIN = 760, 24
LABELS, VALUES = 160, 170
BAR, GAP, GROUP = 20, 8, 34
HEAD, FOOT = 74, 30
TEXT = 13

# The palette of Okabe and Ito, which suits colour-blind readers.
STYLE = """
  text { font: 13px system-ui, -apple-system, "Segoe UI", Helvetica, sans-serif;
         fill: #1f2328 }
  .title { font-size: 17px; font-weight: 600 }
  .note, .group { fill: #59636e }
  .group { font-weight: 600 }
  .value { font-variant-numeric: tabular-nums }
  .paper { fill: #ffffff; stroke: #d1d9e0 }
  .axis { stroke: #d1d9e0 }
  .ours { fill: #0072b2 } .floor { fill: #8c959f } .nchan { fill: #009e73 }
  .eventstream { fill: #d55e00 } .flask_sse { fill: #cc79a7 }
  @media (prefers-color-scheme: dark) {
    text { fill: #f0f6fc }
    .note, .group { fill: #9198a1 }
    .paper { fill: #0d1117; stroke: #3d444d }
    .axis { stroke: #3d444d }
    .ours { fill: #56b4e9 } .floor { fill: #6e7681 }
  }
"""


@dataclass(frozen=True, slots=True)
class Bar:
    """The value of one server; `note` is shown after it."""

    kind: str
    label: str
    value: float
    note: str = ""


@dataclass(frozen=True, slots=True)
class Group:
    """Bars under one label, which may be empty."""

    label: str
    bars: Sequence[Bar]


def draw(title: str, subtitle: str, groups: Sequence[Group]) -> str:
    """Return an SVG of the bars, all with one scale that starts at 0."""
    most = max((bar.value for group in groups for bar in group.bars), default=0) or 1
    parts: list[str] = []
    top = HEAD
    for group in groups:
        top = _group(parts, group, top, most)
    height = top + FOOT - GROUP // 2
    axis = f'<path class="axis" d="M{MARGIN + LABELS} {HEAD - 8}V{top - GROUP // 2}"/>'
    return "\n".join(
        [
            f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {height}" '
            f'width="{WIDTH}" height="{height}" role="img">',
            f"<title>{escape(title)}</title>",
            f"<style>{STYLE}</style>",
            f'<rect class="paper" x="0.5" y="0.5" width="{WIDTH - 1}" '
            f'height="{height - 1}" rx="8"/>',
            _text(MARGIN, 34, title, "title"),
            _text(MARGIN, 55, subtitle, "note"),
            *parts,
            axis,
            "</svg>\n",
        ]
    )


def _group(parts: list[str], group: Group, top: int, most: float) -> int:
    """Add the bars of a group from `top` on; return where the next group starts."""
    if group.label:
        parts.append(_text(MARGIN, top + TEXT, group.label, "group"))
        top += BAR + GAP // 2
    for bar in group.bars:
        parts += _bar(bar, top, most)
        top += BAR + GAP
    return top - GAP + GROUP


def _bar(bar: Bar, top: int, most: float) -> list[str]:
    left = MARGIN + LABELS
    width = max(2.0, (WIDTH - left - VALUES - MARGIN) * bar.value / most)
    base = top + TEXT + 2
    value = f"{number(bar.value)} {bar.note}".strip()
    return [
        _text(left - 10, base, bar.label, "label", anchor="end"),
        f'<rect class="{bar.kind}" x="{left}" y="{top}" width="{width:.1f}" '
        f'height="{BAR}" rx="2"/>',
        _text(round(left + width + 8), base, value, "value"),
    ]


def _text(x: int, y: int, text: str, kind: str, *, anchor: str = "start") -> str:
    return (
        f'<text class="{kind}" x="{x}" y="{y}" text-anchor="{anchor}">'
        f"{escape(text)}</text>"
    )


def number(value: float) -> str:
    """Return a number with three significant digits and thousands separators."""
    if isinstance(value, int) or value == 0 or abs(value) >= 100:
        return f"{value:,.0f}"
    digits = 1 if abs(value) >= 10 else 2
    return f"{value:.{digits}f}"
