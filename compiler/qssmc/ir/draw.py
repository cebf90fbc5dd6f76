"""Drawing of a graph as SVG: rows of boxes from the samples down to the outputs, one box an op."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from itertools import pairwise
from xml.sax.saxutils import escape

import networkx as nx

from qssmc.ir.graph import Graph
from qssmc.ir.layout import Edge, Layout, place
from qssmc.ir.ops import Op
from qssmc.ir.text import op_line

# nature of an op, or output: (fill, stroke, what the legend says)
_KINDS = {
    "source": ("#e3effd", "#3b76b8", "input or constant"),
    "state": ("#eee6fb", "#7a4fc0", "state"),
    "exact": ("#f7f7f5", "#8a8a86", "exact"),
    "rounding": ("#fdecd8", "#cc7a1f", "requant or cast: loses bits"),
    "nonlinear": ("#e2f4e4", "#3f9150", "lut or nonlinearity"),
    "output": ("#d9f1f2", "#22868c", "output"),
}
_LETTER = 6.7  # width of a letter at 11 px in a monospaced font, with a little air
_HEIGHT, _GAP, _MARGIN, _LEGEND_ROW, _LEAST = 40.0, 38.0, 24.0, 22.0, 560.0
_STYLE = """
  text { font: 11px "DejaVu Sans Mono", Menlo, Consolas, monospace; fill: #26282b; }
  .name { font-weight: bold; } .type, .key { fill: #5d6166; } .title { font-size: 14px; font-weight: bold; }
  .box { stroke-width: 1.2; } .once { stroke-dasharray: 2 2.5; }
  .edge { fill: none; stroke: #75797e; stroke-width: 1.2; } .leave { stroke: #22868c; }
  .next { fill: none; stroke: #7a4fc0; stroke-width: 1.4; stroke-dasharray: 6 4; }
  .delay { fill: #7a4fc0; font-weight: bold; }
"""


def draw(graph: Graph) -> str:
    """The dataflow of a valid graph as an SVG text; the same graph gives the same bytes.

    Samples enter at the top and outputs leave at the bottom. A dashed arc marked z⁻¹ leads from what a state becomes
    back to the state; a box with a dotted border runs once, after the last sample. A box's tooltip is its IR line.
    """
    return _Drawing(graph).svg()


def _rows(graph: Graph) -> dict[str, int]:
    """The row of every op: its topological generation, but what no sample reaches waits just above its first user.

    What runs once comes below the states that it reads, so it never holds a state up.
    """
    dag = graph.dag()
    row = {name: i for i, names in enumerate(nx.topological_generations(dag)) for name in names}
    fed = {op.name for op in graph.inputs}.union(*(nx.descendants(dag, op.name) for op in graph.inputs))
    once = {op.name for op in graph.ops if op.inputs} - {op.name for op in graph.step_ops}
    free = [op for op in graph.ops if op.name not in once and (not op.inputs or op.name not in fed)]
    for op in reversed(free):
        users = [row[user.name] for user in graph.users[op.name] if user.name not in once]
        row[op.name] = min(users, default=row[op.name] + 1) - 1
    closing = [op for op in graph.ops if op.name in once]
    for op in closing:
        row[op.name] = 1 + max(row[name] for name in op.inputs)
    for op in reversed(closing):
        row[op.name] = min((row[user.name] for user in graph.users[op.name]), default=row[op.name] + 1) - 1
    for part in nx.connected_components(dag.subgraph(op.name for op in free).to_undirected()):
        readers = [(name, user.name) for name in part for user in graph.users[name] if user.name not in part]
        if readers and all(user in once for _, user in readers):  # a step counter: move it down to what reads it
            drop = min(row[user] - 1 - row[name] for name, user in readers)
            row |= {name: row[name] + drop for name in part}
    return {op.name: row[op.name] for op in graph.ops}


def _output_key(i: int) -> str:
    return f"output {i}"  # the blank keeps it apart from the name of any op


class _Drawing:
    """A graph with the place of everything in it."""

    def __init__(self, graph: Graph) -> None:
        self.graph = graph
        self.row = _rows(graph)
        self.width = {op.name: _LETTER * max(len(line) for line in _lines(op)) + 18 for op in graph.ops}
        self.out_lines: dict[str, tuple[str, str]] = {}
        edges: list[Edge] = [(name, op.name) for op in graph.ops for name in dict.fromkeys(op.inputs)]
        for i, output in enumerate(graph.outputs):
            key = _output_key(i)
            when = "every step" if output.when == "step" else "after the last"
            self.out_lines[key] = (output.name, f"{when}{', mean' if output.mean else ''}")
            self.row[key] = self.row[output.value] + 1
            self.width[key] = _LETTER * max(map(len, self.out_lines[key])) + 30
            edges.append((output.value, key))
        arcs = [(value, state) for state, value in graph.updates.items()]
        loops = [arc for arc in arcs if self.row[arc[0]] >= self.row[arc[1]]]
        self.late = [arc for arc in arcs if arc not in loops]
        self.layout: Layout = place(self.width, self.row, [*edges, *self.late], loops)
        self.once = {op.name for op in graph.last_ops} - {op.name for op in graph.step_ops}
        self._measure()

    def _measure(self) -> None:
        """Shift the layout to the margins and lay the legend out above it."""
        left = min((x - self.width.get(name, 0.0) / 2 for name, x in self.layout.x.items()), default=0.0)
        right = max((x + self.width.get(name, 0.0) / 2 for name, x in self.layout.x.items()), default=0.0)
        self.span = max(right - left + 2 * _MARGIN, _LEAST)
        shift = (self.span - (right - left)) / 2 - left
        self.x: Mapping[str, float] = {name: x + shift for name, x in self.layout.x.items()}
        kinds = {op.nature for op in self.graph.ops} | {"output"}
        self.legend, rows = _legend(self.span, kinds, bool(self.once), bool(self.graph.updates))
        self.top = 2 * _MARGIN + _LEGEND_ROW * (rows + 1)
        self.row_of_lane = {name: i for i, row in enumerate(self.layout.rows) for name in row}

    def svg(self) -> str:
        """The whole document."""
        count = len(self.layout.rows)
        height = self.top + count * _HEIGHT + max(0, count - 1) * _GAP + _MARGIN
        size = f'width="{self.span:.0f}" height="{height:.0f}" viewBox="0 0 {self.span:.0f} {height:.0f}"'
        title = f"{self.graph.name} : {self.graph.stage}"
        lines = [
            f'<svg xmlns="http://www.w3.org/2000/svg" {size}>',
            f"<title>{_text(title)}</title>",
            f"<style>{_STYLE}</style>",
            _marker("grey", "#75797e") + _marker("violet", "#7a4fc0") + _marker("teal", "#22868c"),
            '<rect width="100%" height="100%" fill="#ffffff"/>',
            f'<text class="title" x="{_MARGIN:.0f}" y="{_MARGIN + 10:.0f}">{_text(title)}</text>',
            *self.legend,
            *self._edges(),
            *(self._op(op) for op in self.graph.ops),
            *(self._output(key) for key in self.out_lines),
            *self._delays(),
            "</svg>",
        ]
        return "\n".join(lines) + "\n"

    def _y(self, name: str) -> float:
        return self.top + self.row_of_lane[name] * (_HEIGHT + _GAP)

    def _ports(self) -> dict[Edge, float]:
        """Where each edge enters its target: side by side, in the order in which the edges arrive."""
        arriving: dict[str, list[tuple[float, Edge]]] = {}
        for edge, route in self.layout.routes.items():
            arriving.setdefault(edge[1], []).append((self.x[route[-1] if route else edge[0]], edge))
        ports: dict[Edge, float] = {}
        for target, found in arriving.items():
            pitch = min(22.0, self.width[target] / (len(found) + 1))
            for i, (_, edge) in enumerate(sorted(found)):
                ports[edge] = self.x[target] + (i - (len(found) - 1) / 2) * pitch
        return ports

    def _edges(self) -> Iterator[str]:
        ports = self._ports()
        for edge, route in self.layout.routes.items():
            points = [(self.x[edge[0]], self._y(edge[0]) + _HEIGHT)]
            for lane in route:
                points += [(self.x[lane], self._y(lane)), (self.x[lane], self._y(lane) + _HEIGHT)]
            points.append((ports[edge], self._y(edge[1]) - 1))
            if edge in self.late:
                yield _path("next", "violet", _down(points), edge)
            elif edge[1] in self.out_lines:
                yield _path("edge leave", "teal", _down(points), edge)
            else:
                yield _path("edge", "grey", _down(points), edge)
        for edge, route in self.layout.loops.items():
            yield _path("next", "violet", self._loop(edge, route), edge)

    def _loop(self, edge: Edge, route: tuple[str, ...]) -> str:
        """Out of the bottom of the update, up the lanes and into the top of the state."""
        (update, state), reach = edge, _GAP * 0.55
        at = self.x[route[0]]
        x, y = self._side(update, at), self._y(update) + _HEIGHT
        path = f"M {x:.1f} {y:.1f} C {x:.1f} {y + reach:.1f} {at:.1f} {y + reach:.1f} {at:.1f} {y:.1f}"
        last = self.x[route[0]], self._y(route[0])
        path += f" L {last[0]:.1f} {last[1]:.1f}"
        for lane in route[1:]:
            path += _curve(last, (self.x[lane], self._y(lane) + _HEIGHT))
            last = self.x[lane], self._y(lane)
            path += f" L {last[0]:.1f} {last[1]:.1f}"
        x, y = self._side(state, last[0]), self._y(state)
        return f"{path} C {last[0]:.1f} {y - reach:.1f} {x:.1f} {y - reach:.1f} {x:.1f} {y - 1:.1f}"

    def _side(self, name: str, lane: float) -> float:
        """A quarter of a box away from its middle, towards a lane."""
        return self.x[name] + (self.width[name] / 4 if lane > self.x[name] else -self.width[name] / 4)

    def _delays(self) -> Iterator[str]:
        for edge in (*self.layout.loops, *self.late):
            route = self.layout.loops.get(edge) or self.layout.routes[edge]
            lane = route[len(route) // 2] if route else edge[1]
            x, y = self.x[lane], self._y(lane) + (_HEIGHT / 2 if route else -_GAP / 2)
            yield f'<rect x="{x - 13:.1f}" y="{y - 8:.1f}" width="26" height="16" fill="#ffffff"/>'
            yield f'<text class="delay" text-anchor="middle" x="{x:.1f}" y="{y + 4:.1f}">z⁻¹</text>'

    def _op(self, op: Op) -> str:
        first, second = _lines(op)
        fill, stroke, _ = _KINDS[op.nature]
        style = f'class="box{" once" if op.name in self.once else ""}" rx="5" fill="{fill}" stroke="{stroke}"'
        return (
            f'<g id="{_text(op.name)}"><title>{_text(op_line(op))}</title>{self._box(op.name, style)}'
            f"{self._label(op.name, first, 'name', 17)}{self._label(op.name, second, 'type', 31)}</g>"
        )

    def _output(self, key: str) -> str:
        first, second = self.out_lines[key]
        fill, stroke, _ = _KINDS["output"]
        style = f'class="box" rx="{_HEIGHT / 2:.0f}" fill="{fill}" stroke="{stroke}"'
        labels = f"{self._label(key, first, 'name', 17)}{self._label(key, second, 'type', 31)}"
        return f"<g>{self._box(key, style)}{labels}</g>"

    def _box(self, name: str, style: str) -> str:
        x, width = self.x[name] - self.width[name] / 2, self.width[name]
        return f'<rect {style} x="{x:.1f}" y="{self._y(name):.1f}" width="{width:.1f}" height="{_HEIGHT:.0f}"/>'

    def _label(self, name: str, text: str, style: str, drop: float) -> str:
        x, y = self.x[name], self._y(name) + drop
        return f'<text class="{style}" text-anchor="middle" x="{x:.1f}" y="{y:.1f}">{_text(text)}</text>'


def _lines(op: Op) -> tuple[str, str]:
    return op.name, f"{op.mnemonic}  {op.type}"


def _text(text: str) -> str:
    """Escaped, with the characters that XML forbids shown as a replacement character."""
    allowed = "".join(c if c in "\t\n\r" or (c >= " " and not "\ud800" <= c <= "\udfff") else "\ufffd" for c in text)
    return escape(allowed, {'"': "&quot;"})


def _marker(name: str, colour: str) -> str:
    return (
        f'<marker id="{name}" viewBox="0 0 8 8" refX="7" refY="4" markerWidth="7" markerHeight="7" orient="auto">'
        f'<path d="M 0 0.8 L 7.5 4 L 0 7.2 z" fill="{colour}"/></marker>'
    )


def _path(style: str, marker: str, data: str, edge: Edge) -> str:
    title = _text(" → ".join(edge))
    return f'<path class="{style}" marker-end="url(#{marker})" d="{data}"><title>{title}</title></path>'


def _curve(start: tuple[float, float], end: tuple[float, float]) -> str:
    middle = (start[1] + end[1]) / 2
    return f" C {start[0]:.1f} {middle:.1f} {end[0]:.1f} {middle:.1f} {end[0]:.1f} {end[1]:.1f}"


def _down(points: list[tuple[float, float]]) -> str:
    """Curves through the gaps between rows, straight along the lanes."""
    path = f"M {points[0][0]:.1f} {points[0][1]:.1f}"
    for i, (start, end) in enumerate(pairwise(points)):
        path += _curve(start, end) if i % 2 == 0 else f" L {end[0]:.1f} {end[1]:.1f}"
    return path


def _legend(span: float, kinds: set[str], once: bool, delayed: bool) -> tuple[list[str], int]:
    """Keys to what the drawing shows, in rows as wide as it is, and the number of rows."""
    shown = [look for kind, look in _KINDS.items() if kind in kinds]
    keys = [(f'<rect class="box" rx="3" fill="{fill}" stroke="{stroke}"', label) for fill, stroke, label in shown]
    if once:
        keys.append(('<rect class="box once" rx="3" fill="#ffffff" stroke="#8a8a86"', "once, after the last sample"))
    if delayed:
        keys.append(("", "z⁻¹ one step later"))
    lines, x, row = [], _MARGIN, 0
    for mark, label in keys:
        width = 22 + _LETTER * len(label) + 18
        if x + width > span and x > _MARGIN:
            x, row = _MARGIN, row + 1
        y = 2 * _MARGIN + _LEGEND_ROW * row
        if mark:
            lines.append(f'{mark} x="{x:.1f}" y="{y:.1f}" width="16" height="12"/>')
        else:
            lines.append(f'<path class="next" d="M {x:.1f} {y + 6:.1f} h 16"/>')
        lines.append(f'<text class="key" x="{x + 22:.1f}" y="{y + 10:.1f}">{label}</text>')
        x += width
    return lines, row + 1
