"""Layout: where the boxes of a layered drawing stand and which way its edges run, by Sugiyama's method.

Rows are given. An edge that passes rows by gets a lane in each, so that it never runs through a box; rows are ordered
by barycentres to cut crossings (Sugiyama, Tagawa, Toda 1981), then each row is placed by least squares.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise

Edge = tuple[str, str]

LANE = 14.0  # width of a lane
GAP = 22.0  # between neighbours in a row
_ORDER_SWEEPS = 24
_PLACE_SWEEPS = 120
_LANE_PULL = 60.0  # a box pulls with 1 and 1 for each neighbour


@dataclass(frozen=True)
class Layout:
    """x is the centre of every box and lane; routes and loops are the lanes of each edge from source to target.

    A loop is an edge that runs upwards: its lanes include one beside each of its ends.
    """

    x: Mapping[str, float]
    rows: tuple[tuple[str, ...], ...]
    routes: Mapping[Edge, tuple[str, ...]]
    loops: Mapping[Edge, tuple[str, ...]]
    crossings: int


def place(
    widths: Mapping[str, float], row_of: Mapping[str, int], edges: Sequence[Edge], loops: Sequence[Edge]
) -> Layout:
    """Place boxes of given widths in given rows. Every edge runs down to a later row; a loop never does."""
    rows: list[list[str]] = [[] for _ in range(1 + max(row_of.values(), default=-1))]
    for name, row in row_of.items():
        rows[row].append(name)
    size = dict(widths)
    links: list[Edge] = []
    beside: dict[str, str] = {}
    routes: dict[Edge, tuple[str, ...]] = {}
    arcs: dict[Edge, tuple[str, ...]] = {}

    def lanes(mark: str, top: int, bottom: int) -> tuple[str, ...]:
        made = tuple(f"{mark} {row}" for row in range(top, bottom))
        for row, lane in zip(range(top, bottom), made, strict=True):
            rows[row].append(lane)
            size[lane] = LANE
        return made

    for source, target in edges:
        route = lanes(f"{source} > {target}", row_of[source] + 1, row_of[target])
        routes[source, target] = route
        links += zip((source, *route), (*route, target), strict=True)
    for source, target in loops:
        route = lanes(f"{source} ^ {target}", row_of[target], row_of[source] + 1)
        links += pairwise(route)
        beside[route[0]] = target
        beside.setdefault(route[-1], source)
        arcs[source, target] = route[::-1]
    order, crossings = _best_order(rows, links, beside, list(arcs.values()))
    chains = [route for route in (*routes.values(), *(arc[::-1] for arc in arcs.values())) if route]
    x = _Placer(order, links, beside, size).place(chains)
    return Layout(x, tuple(map(tuple, order)), routes, arcs, crossings)


def _neighbours(links: Sequence[Edge]) -> tuple[dict[str, list[str]], dict[str, list[str]]]:
    """Neighbours in the row above and in the row below."""
    above: dict[str, list[str]] = {}
    below: dict[str, list[str]] = {}
    for upper, lower in links:
        above.setdefault(lower, []).append(upper)
        below.setdefault(upper, []).append(lower)
    return above, below


def _best_order(
    rows: list[list[str]], links: Sequence[Edge], beside: Mapping[str, str], loops: Sequence[Sequence[str]]
) -> tuple[list[list[str]], int]:
    """The best order, each loop in turn being put to the left of its boxes where that crosses less."""
    side = dict.fromkeys(beside, 1)
    best, fewest = _order(rows, links, beside, side)
    for loop in loops:
        flipped = side | {lane: -1 for lane in loop if lane in side}
        order, count = _order(rows, links, beside, flipped)
        if count < fewest:
            best, fewest, side = order, count, flipped
    return best, fewest


def _order(
    rows: list[list[str]], links: Sequence[Edge], beside: Mapping[str, str], side: Mapping[str, int]
) -> tuple[list[list[str]], int]:
    """The best order that barycentre sweeps, down and up in turn, come across, and its crossings."""
    above, below = _neighbours(links)
    best, fewest = rows, -1
    for sweep in range(_ORDER_SWEEPS):
        down = sweep % 2 == 0
        found = above if down else below
        rows = [list(row) for row in rows]
        index = {name: i for row in rows for i, name in enumerate(row)}
        for row in rows if down else rows[::-1]:
            keys = {name: _mean([index[n] for n in found.get(name, [])], index[name]) for name in row}
            # A loop's end stands right beside the box that it belongs to, so that the loop hugs it.
            boxes = {name: beside.get(name, name) for name in row}
            row.sort(key=lambda name: (keys[boxes[name]], index[boxes[name]], side.get(name, 0), name))
            index |= {name: i for i, name in enumerate(row)}
        count = _crossings(rows, below)
        if fewest < 0 or count < fewest:
            best, fewest = rows, count
    return best, fewest


def _mean(values: Sequence[float], otherwise: float) -> float:
    return sum(values) / len(values) if values else otherwise


def _crossings(rows: Sequence[Sequence[str]], below: Mapping[str, list[str]]) -> int:
    """How many pairs of links between neighbouring rows cross."""
    total = 0
    for upper, lower in pairwise(rows):
        index = {name: i for i, name in enumerate(lower)}
        ends = [sorted(index[n] for n in below.get(name, [])) for name in upper]
        seen: list[int] = []
        for group in ends:
            total += sum(1 for end in group for other in seen if other > end)
            seen += group
    return total


class _Placer:
    """Centres that pull each box towards its neighbours, and the lanes of one edge hard onto one straight line."""

    def __init__(
        self, rows: Sequence[Sequence[str]], links: Sequence[Edge], beside: Mapping[str, str], size: Mapping[str, float]
    ) -> None:
        self.rows, self.beside, self.size = rows, beside, size
        self.above, self.below = _neighbours(links)
        self.chain_of: dict[str, Sequence[str]] = {}
        self.index = {name: i for row in rows for i, name in enumerate(row)}
        self.x: dict[str, float] = {}
        for row in rows:
            centres = _spread([0.0] * len(row), [1.0] * len(row), self._steps(row))
            self.x |= zip(row, centres, strict=True)

    def place(self, chains: Iterable[Sequence[str]]) -> dict[str, float]:
        """The centre of every box and lane, given the lanes of every edge from top to bottom."""
        self.chain_of = {lane: chain for chain in chains for lane in chain}
        for sweep in range(_PLACE_SWEEPS):
            down, settling = sweep % 2 == 0, sweep >= _PLACE_SWEEPS // 2
            for row in self.rows if down else self.rows[::-1]:
                near = [
                    [*(self.above.get(name, []) if down or settling else []),
                     *(self.below.get(name, []) if settling or not down else [])]
                    for name in row
                ]  # fmt: skip
                wishes = [self._wish(name, found) for name, found in zip(row, near, strict=True)]
                pulls = [
                    _LANE_PULL if name in self.chain_of else 1.0 + len(found)
                    for name, found in zip(row, near, strict=True)
                ]
                self.x |= zip(row, _spread(wishes, pulls, self._steps(row)), strict=True)
        return self.x

    def _steps(self, row: Sequence[str]) -> list[float]:
        return [(self.size[a] + self.size[b]) / 2 + GAP for a, b in pairwise(row)]

    def _wish(self, name: str, near: Sequence[str]) -> float:
        """Where a box or a lane would like to be: a box amid its neighbours, a lane on the line of its chain."""
        if name not in self.chain_of:
            return _mean([self.x[other] for other in near], self.x[name])
        chain = self.chain_of[name]
        ends = [self.x[other] for other in (*self.above.get(chain[0], []), *self.below.get(chain[-1], []))]
        ends += [self._hug(lane) for lane in chain if lane in self.beside]
        line = sum(self.x[lane] for lane in chain) / len(chain)
        return 0.8 * line + 0.2 * _mean(ends, line)

    def _hug(self, lane: str) -> float:
        """Right beside the box that a loop's end belongs to."""
        box = self.beside[lane]
        distance = (self.size[box] + self.size[lane]) / 2 + GAP
        return self.x[box] + (distance if self.index[lane] > self.index[box] else -distance)


def _spread(wanted: Sequence[float], weights: Sequence[float], steps: Sequence[float]) -> list[float]:
    """Least squares of positions against the wanted ones, with steps as the least distances: isotonic regression."""
    offsets = [0.0]
    for step in steps:
        offsets.append(offsets[-1] + step)
    blocks: list[tuple[float, float, int]] = []  # mean, weight, members
    for want, weight, offset in zip(wanted, weights, offsets, strict=False):
        mean, total, count = want - offset, weight, 1
        while blocks and blocks[-1][0] >= mean:
            other, heavy, members = blocks.pop()
            mean = (mean * total + other * heavy) / (total + heavy)
            total, count = total + heavy, count + members
        blocks.append((mean, total, count))
    means = [mean for mean, _, count in blocks for _ in range(count)]
    return [mean + offset for mean, offset in zip(means, offsets, strict=False)]
