"""FunctionTable: accuracy over memory or over effort, with the front of the best, as an SVG text."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from xml.sax.saxutils import escape

_WIDE, _TALL, _LEFT, _TOP, _RIGHT, _BOTTOM = 560.0, 320.0, 70.0, 50.0, 24.0, 52.0
_STYLE = """
  text { font: 11px "DejaVu Sans Mono", Menlo, Consolas, monospace; fill: #26282b; }
  .title { font-size: 14px; font-weight: bold; } .note { fill: #5d6166; } .grid { stroke: #e3e4e6; stroke-width: 1; }
  .front { fill: none; stroke: #3b7bb5; stroke-width: 1.5; } .best { fill: #3b7bb5; } .other { fill: #b9bbbe; }
"""
Pair = tuple[float, float]  # what a design costs, and its accuracy in percent


def front(pairs: Sequence[Pair]) -> list[Pair]:
    """The designs than which none is as cheap and more accurate, cheapest first."""
    found: list[Pair] = []
    for cost, accuracy in sorted(pairs, key=lambda pair: (pair[0], -pair[1])):
        if not found or accuracy > found[-1][1]:
            found.append((cost, accuracy))
    return found


def curve(pairs: Sequence[Pair], title: str, unit: str) -> str:
    """A point a design over a logarithmic axis of costs, and the line of the front. The same pairs, the same bytes."""
    return _Plot(pairs, title, unit).svg()


class _Plot:
    """Maps costs and percents to places."""

    def __init__(self, pairs: Sequence[Pair], title: str, unit: str) -> None:
        self.pairs, self.title, self.unit = sorted(pairs), title, unit
        costs, found = [cost for cost, _ in pairs], [accuracy for _, accuracy in pairs]
        self.low, self.high = math.log2(min(costs)) - 0.1, math.log2(max(costs)) + 0.1
        self.tick = next(tick for tick in (0.5, 1.0, 2.0, 5.0, 10.0, 20.0) if max(found) - min(found) <= 8 * tick)
        self.least = self.tick * math.floor(min(found) / self.tick)
        self.most = max(self.least + self.tick, self.tick * math.ceil(max(found) / self.tick))

    def svg(self) -> str:
        """The whole document."""
        width, height = _LEFT + _WIDE + _RIGHT, _TOP + _TALL + _BOTTOM
        size = f'width="{width:.0f}" height="{height:.0f}" viewBox="0 0 {width:.0f} {height:.0f}"'
        lines = [
            f'<svg xmlns="http://www.w3.org/2000/svg" {size}>',
            f"<title>{escape(self.title)}</title>",
            f"<style>{_STYLE}</style>",
            '<rect width="100%" height="100%" fill="#ffffff"/>',
            f'<text class="title" x="{_LEFT:.1f}" y="24.0">{escape(self.title)}</text>',
            *self._percents(),
            *self._costs(),
            *self._points(),
            "</svg>",
        ]
        return "\n".join(lines) + "\n"

    def x(self, cost: float) -> float:
        """Place of a cost."""
        return _LEFT + _WIDE * (math.log2(cost) - self.low) / (self.high - self.low)

    def y(self, accuracy: float) -> float:
        """Place of a percentage."""
        return _TOP + _TALL * (self.most - accuracy) / (self.most - self.least)

    def _percents(self) -> Iterator[str]:
        for index in range(round((self.most - self.least) / self.tick) + 1):
            value = self.least + index * self.tick
            yield f'<path class="grid" d="M {_LEFT:.1f} {self.y(value):.1f} h {_WIDE:.1f}"/>'
            yield f'<text text-anchor="end" x="{_LEFT - 8:.1f}" y="{self.y(value) + 4:.1f}">{value:g} %</text>'

    def _costs(self) -> Iterator[str]:
        base = _TOP + _TALL
        half = self.high - self.low < 3  # few doublings get marks between them
        marks = [2.0 ** (index / 2 if half else index) for index in range(int(2 * self.high) + 1 if half else 64)]
        for mark in (mark for mark in marks if self.low <= math.log2(mark) <= self.high):
            yield f'<path class="grid" d="M {self.x(mark):.1f} {_TOP:.1f} v {_TALL:.1f}"/>'
            yield f'<text text-anchor="middle" x="{self.x(mark):.1f}" y="{base + 18:.1f}">{mark:,.0f}</text>'
        middle = _LEFT + _WIDE / 2
        yield f'<text class="note" text-anchor="middle" x="{middle:.1f}" y="{base + 38:.1f}">{escape(self.unit)}</text>'

    def _points(self) -> Iterator[str]:
        best = front(self.pairs)
        places = " L ".join(f"{self.x(cost):.1f} {self.y(accuracy):.1f}" for cost, accuracy in best)
        yield f'<path class="front" d="M {places}"/>'
        for cost, accuracy in self.pairs:
            style = "best" if (cost, accuracy) in best else "other"
            about = f"<title>{cost:,.0f}: {accuracy:.2f} %</title>"
            place = f'cx="{self.x(cost):.1f}" cy="{self.y(accuracy):.1f}"'
            yield f'<circle class="{style}" {place} r="3.5">{about}</circle>'
