"""Stimuli: sequences that drive a design to its edges, made of its graph and a seed, never of recordings.

Known shapes come first: extremes, impulses, steps, square waves at the resonances of the poles, random walks and noise
over the whole input type. Then every clamp edge that is left is driven by the extremal input of the linear system
(`Slopes`), again and again from where the last try led; sequences that add nothing are dropped. The search is bounded
by counts alone, so that the same graph and seed give the same sequences.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from qssmc.ir.graph import Graph
from qssmc.ir.ops import Lut
from qssmc.verification.coverage import Flags, Points, Recorder, greedy_cover
from qssmc.verification.slopes import Slopes
from qssmc_sim.machine import run

Samples = NDArray[np.int64]
_OVERHEAD = 3000  # values that take as long as calling one op does
Told = Callable[[str, int, int], None]  # (what, done, of)


@dataclass(frozen=True)
class Effort:
    """How much is tried: steps of a sequence, targets side by side, tries from target to target, random mutations in a
    round and rounds, and resonances of poles."""

    steps: int = 784
    together: int = 64
    tries: int = 3
    mutants: int = 48
    rounds: int = 4
    resonances: int = 12
    work: int = 2_000_000_000  # values of ops in all runs of the search, which ends with the first run beyond it


# --- known shapes ----------------------------------------------------------------------------------------------------


def known_shapes(graph: Graph, seed: int, effort: Effort) -> Samples:
    """(count, steps, channels): every shape on all channels at once, and on each with a pattern of its own."""
    (entrance,) = graph.inputs
    low, high = entrance.type.bounds
    channels, random = entrance.type.shape[0], np.random.default_rng(seed)
    angles = [np.abs(np.angle(poles)) for poles in Slopes(graph).poles().values()]
    lines = np.stack([*_plain(low, high, effort.steps), *_resonances(angles, low, high, effort)])
    same = np.repeat(lines[..., None], channels, axis=2)
    noise = np.stack([*_noise(low, high, effort.steps, channels, random)])
    if channels == 1:
        return np.concatenate([same, noise])
    turned = np.where(random.random((len(same), 1, channels)) < 0.5, same, low + high - same)
    return np.concatenate([same, turned, noise])


def _plain(low: int, high: int, steps: int) -> Iterator[Samples]:
    """Extremes, impulses, steps, ramps."""
    middle = (low + high + 1) // 2
    for rest in dict.fromkeys((low, high, middle, min(max(0, low), high))):
        yield np.full(steps, rest, np.int64)
        for other in (low, high):
            if other != rest:
                for start, stop in ((0, 1), (0, 8), (steps // 2, steps // 2 + 1), (steps // 2, steps)):
                    line = np.full(steps, rest, np.int64)
                    line[start:stop] = other
                    yield line
    ramp = np.linspace(low, high, steps).round().astype(np.int64)
    yield ramp
    yield ramp[::-1]


def _resonances(angles: list[NDArray[np.float64]], low: int, high: int, effort: Effort) -> Iterator[Samples]:
    """Square waves of the poles' periods, spread over all that there are."""
    found = np.unique(np.concatenate([*angles, np.array([np.pi])]))
    chosen = found[np.unique(np.linspace(0, len(found) - 1, effort.resonances).astype(int))]
    at = np.arange(effort.steps)
    for angle in chosen:
        yield np.where(np.cos(angle * at) >= 0.0, high, low).astype(np.int64)
        yield np.where(np.sin(angle * at) >= 0.0, low, high).astype(np.int64)


def _noise(low: int, high: int, steps: int, channels: int, random: np.random.Generator) -> Iterator[Samples]:
    """Uniform and two-valued noise, held for a while or not, random walks, and rare impulses."""
    shape = (steps, channels)
    for _ in range(4):
        yield random.integers(low, high + 1, shape)
        yield np.where(random.random(shape) < 0.5, low, high)
    for hold in (3, 10, 30, 100):
        yield np.repeat(random.integers(low, high + 1, shape), hold, axis=0)[:steps]
        yield np.repeat(np.where(random.random(shape) < 0.5, low, high), hold, axis=0)[:steps]
    for part in (256, 32, 8):
        size = max(1, (high - low) // part)
        walk = low + (high - low) // 2 + np.cumsum(random.integers(-size, size + 1, shape), axis=0)
        yield np.clip(walk, low, high)
    for rest, other in ((low, high), (high, low)):
        yield np.where(random.random(shape) < 0.02, other, rest)


# --- search ----------------------------------------------------------------------------------------------------------


class Search:
    """Sequences so far, what they reach, and what is still to be reached.

    unreachable: (points,) those that are not worth a try.
    """

    def __init__(self, points: Points, unreachable: Flags, seed: int, effort: Effort, told: Told) -> None:
        self.graph, self.points, self.seed, self.effort, self.told = points.graph, points, seed, effort, told
        self.slopes = Slopes(self.graph)
        self.random = np.random.default_rng(seed + 1)
        self.wanted = ~unreachable
        self._samples: list[Samples] = []
        self._seen: list[Flags] = []
        self._outputs: list[Mapping[str, Samples]] = []
        (entrance,) = self.graph.inputs
        self.low, self.high = entrance.type.bounds
        self._sizes = sum(int(np.prod(op.type.array_shape)) for op in self.graph.step_ops)
        self.left = effort.work

    def run(self) -> None:
        """Everything, one after another."""
        self.shapes()
        self.drive()
        self.mutate()

    @property
    def samples(self) -> Samples:
        """(count, steps, channels): what adds to what is reached, those first that together reach all of it."""
        return np.concatenate(self._samples)[self._arranged()]

    @property
    def outputs(self) -> dict[str, Samples]:
        """What golden gives for `samples`, by output."""
        arranged = self._arranged()
        return {name: np.concatenate([found[name] for found in self._outputs])[arranged] for name in self._outputs[0]}

    @property
    def cover(self) -> int:
        """How many of the first of them reach what all of them reach."""
        return len(self._order())

    @property
    def seen(self) -> Flags:
        """(points,) What they reach."""
        return np.asarray(np.concatenate(self._seen).any(axis=0))

    def _arranged(self) -> list[int]:
        order = self._order()
        chosen = set(order)
        return [*order, *(index for index in range(sum(map(len, self._samples))) if index not in chosen)]

    def _order(self) -> list[int]:
        return greedy_cover(np.concatenate(self._seen))

    def _spend(self, count: int, steps: int) -> None:
        self.left -= steps * (count * self._sizes + _OVERHEAD * len(self.graph.step_ops))

    def shapes(self) -> None:
        """The known shapes."""
        self.look(known_shapes(self.graph, self.seed, self.effort))

    def look(self, samples: Samples) -> Flags:
        """Run sequences, keep those that add to what is reached; (count, points) of what each reaches."""
        parts, outputs = [], []
        for start in range(0, len(samples), self.effort.together):
            part = samples[start : start + self.effort.together]
            recorder = Recorder(self.points, len(part))
            outputs.append(run(self.graph, part, recorder).outputs)
            self._spend(*part.shape[:2])
            parts.append(recorder.seen)
        seen = np.concatenate(parts)
        fresh = seen & self.wanted
        kept = greedy_cover(fresh) or ([] if self._samples else [0])
        if kept:
            self._samples.append(samples[kept])
            self._seen.append(seen[kept])
            found = {name: np.concatenate([given[name] for given in outputs])[kept] for name in outputs[0]}
            self._outputs.append(found)
            self.wanted &= ~seen.any(axis=0)
        return seen

    def drive(self) -> None:
        """Every point that is left, by extremal inputs: of the system near a random run, then near the last try."""
        base = self.random.integers(self.low, self.high + 1, (1, self.effort.steps, self.graph.inputs[0].type.shape[0]))
        last: dict[int, Samples] = {}
        for turn in range(self.effort.tries):
            order = self.random.permutation(np.flatnonzero(self.wanted))
            done = 0
            while self.left > 0 and done < len(order):
                ahead = [int(point) for point in order[done:] if self.wanted[point]]
                chosen = ahead[: self.effort.together]
                if not chosen:
                    break
                done = int(np.flatnonzero(order == chosen[-1])[0]) + 1
                found = self.extremal(chosen, np.stack([last[p] for p in chosen]) if turn else base)
                self.look(found)
                last.update(zip(chosen, found, strict=True))
                self.told("edges driven at", done, len(order))
            if any(int(point) not in last for point in np.flatnonzero(self.wanted)):
                return  # the work is used up

    def extremal(self, chosen: list[int], bases: Samples) -> Samples:
        """The inputs that drive points furthest, as the graph is linear near the runs of bases."""
        targets, signs = [], []
        for point in chosen:
            place, index = self.points.place_of(point)
            if isinstance(place.op, Lut):
                rows = place.op.entries.data.ndim == 2
                count = place.op.entries.shape[-1]
                element = index // count if rows else int(self.random.integers(place.op.type.shape[0]))
                targets.append((place.op.inputs[0], element))
                signs.append(1.0 if index % count >= count // 2 else -1.0)
            else:
                targets.append((place.op.name, index))
                signs.append(-1.0 if place.kind == "low" else 1.0)
        slopes = self.slopes.of(targets, self.slopes.along(bases))
        self._spend(len(bases) + len(chosen), self.effort.steps)
        slopes *= np.array(signs, np.float32)[:, None, None]
        own = np.broadcast_to(bases, slopes.shape)
        return np.where(slopes > 0.0, self.high, np.where(slopes < 0.0, self.low, own))

    def mutate(self) -> None:
        """Parts of sequences that reached something, put together, scaled and disturbed."""
        for turn in range(self.effort.rounds):
            if not (self.wanted.any() and self.left > 0):
                return
            pool = np.concatenate(self._samples)
            self.look(np.stack([self.mutant(pool) for _ in range(self.effort.mutants)]))
            self.told("rounds of mutants", turn + 1, self.effort.rounds)

    def mutant(self, pool: Samples) -> Samples:
        """Of two sequences."""
        one, other = (pool[int(self.random.integers(len(pool)))] for _ in range(2))
        cut = int(self.random.integers(1, max(2, self.effort.steps)))
        kind = int(self.random.integers(4))
        if kind == 0:
            return np.concatenate([one[:cut], other[: self.effort.steps - cut]])
        if kind == 1:
            share = self.random.random()
            return np.asarray((share * one + (1.0 - share) * other).round().astype(np.int64))
        if kind == 2:
            size = max(1, int((self.high - self.low) * self.random.random() / 4))
            return np.asarray(np.clip(one + self.random.integers(-size, size + 1, one.shape), self.low, self.high))
        return np.roll(one, cut, axis=0)
