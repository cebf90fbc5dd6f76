"""Chart: lines with intervals, and maps of shades, as SVG texts in the style of the pictures of bits."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from xml.sax.saxutils import escape

import numpy as np
from numpy.typing import NDArray

_COLOURS = ("#3b7bb5", "#d1663d", "#43a7a0", "#8a5bb0", "#b58a2b", "#5d6166")
_LEFT, _TOP, _WIDE, _TALL = 66.0, 58.0, 470.0, 260.0
_STYLE = """
  text { font: 11px "DejaVu Sans Mono", Menlo, Consolas, monospace; fill: #26282b; }
  .title { font-size: 14px; font-weight: bold; } .note { fill: #5d6166; } .axis { stroke: #b9bbbe; fill: none; }
"""


@dataclass(frozen=True)
class Line:
    """x, y, and, where there is an interval, low and high, all of one length."""

    label: str
    x: Sequence[float]
    y: Sequence[float]
    low: Sequence[float] = ()
    high: Sequence[float] = ()


def line_chart(title: str, x_label: str, y_label: str, lines: Sequence[Line], note: str = "") -> str:
    """Lines over one axis, bands for their intervals, a legend on the right. The same lines give the same bytes."""
    x_low, x_high = _span([value for line in lines for value in line.x])
    y_low, y_high = _span([value for line in lines for value in (*line.y, *line.low, *line.high)])

    def at(x: float, y: float) -> str:
        px = _LEFT + _WIDE * (x - x_low) / (x_high - x_low)
        return f"{px:.1f},{_TOP + _TALL * (1 - (y - y_low) / (y_high - y_low)):.1f}"

    body = [_label(_LEFT, 22, title, "title"), _label(_LEFT, 40, note, "note")]
    for step in range(5):
        share = step / 4
        y = _TOP + _TALL * (1 - share)
        body.append(f'<path class="axis" d="M {_LEFT:.1f} {y:.1f} h {_WIDE:.1f}"/>')
        body.append(_label(_LEFT - 8, y + 4, f"{y_low + share * (y_high - y_low):.4g}", "note", "end"))
        x = _LEFT + _WIDE * share
        body.append(_label(x, _TOP + _TALL + 18, f"{x_low + share * (x_high - x_low):.4g}", "note", "middle"))
    body.append(_label(_LEFT + _WIDE / 2, _TOP + _TALL + 38, x_label, "note", "middle"))
    body.append(_label(_LEFT - 8, _TOP - 10, y_label, "note", "start"))
    for number, line in enumerate(lines):
        colour = _COLOURS[number % len(_COLOURS)]
        if len(line.low):
            edge = [at(x, y) for x, y in zip(line.x, line.high, strict=True)]
            edge += [at(x, y) for x, y in zip(reversed(line.x), reversed(line.low), strict=True)]
            body.append(f'<polygon points="{" ".join(edge)}" fill="{colour}" fill-opacity="0.18"/>')
        points = " ".join(at(x, y) for x, y in zip(line.x, line.y, strict=True))
        body.append(f'<polyline points="{points}" fill="none" stroke="{colour}" stroke-width="1.8"/>')
        y = _TOP + 8 + 17 * number
        body.append(f'<rect x="{_LEFT + _WIDE + 16:.1f}" y="{y:.1f}" width="14" height="3" fill="{colour}"/>')
        body.append(_label(_LEFT + _WIDE + 36, y + 6, line.label, "note"))
    longest = max((len(line.label) for line in lines), default=0)
    return _document(title, body, _LEFT + _WIDE + 56 + 7 * longest, _TOP + _TALL + 52)


def shade_map(title: str, values: NDArray[np.float64], note: str = "", cell: float = 7.0) -> str:
    """A matrix as shades of blue, its largest value darkest; zeros stay empty. values: (rows, columns)."""
    most = float(values.max(initial=0.0)) or 1.0
    rows, columns = values.shape
    top = _TOP - 8
    body = [_label(20, 22, title, "title"), _label(20, 40, note, "note")]
    for row, column in np.argwhere(values > 0).tolist():
        x, y = 20 + cell * column, top + cell * row
        share = float(values[row, column]) / most
        size = f'width="{cell:.1f}" height="{cell:.1f}"'
        body.append(f'<rect x="{x:.1f}" y="{y:.1f}" {size} fill="{_shade(share)}"/>')
    frame = f'width="{cell * columns:.1f}" height="{cell * rows:.1f}"'
    body.append(f'<rect class="axis" x="20.0" y="{top:.1f}" {frame}/>')
    wide = max(40 + cell * columns, 40 + 7 * max(len(title) * 1.3, len(note)))
    return _document(title, body, wide, top + cell * rows + 20)


def _shade(share: float) -> str:
    light, dark = (226, 236, 245), (35, 60, 120)
    return "#" + "".join(f"{round(a + (b - a) * share):02x}" for a, b in zip(light, dark, strict=True))


def _span(values: Sequence[float]) -> tuple[float, float]:
    low, high = min(values, default=0.0), max(values, default=1.0)
    return (low, high) if high > low else (low - 0.5, high + 0.5)


def _document(title: str, body: Sequence[str], wide: float, tall: float) -> str:
    size = f'width="{wide:.0f}" height="{tall:.0f}" viewBox="0 0 {wide:.0f} {tall:.0f}"'
    head = [
        f'<svg xmlns="http://www.w3.org/2000/svg" {size}>',
        f"<title>{escape(title)}</title>",
        f"<style>{_STYLE}</style>",
        '<rect width="100%" height="100%" fill="#ffffff"/>',
    ]
    return "\n".join([*head, *body, "</svg>"]) + "\n"


def _label(x: float, y: float, text: str, kind: str, anchor: str = "start") -> str:
    return f'<text class="{kind}" x="{x:.1f}" y="{y:.1f}" text-anchor="{anchor}">{escape(text)}</text>'
