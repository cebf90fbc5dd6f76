"""States: the pass that removes complex states over all heads of a layer jointly."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from qssmc.analysis.calibration import Calibration
from qssmc.analysis.fixed import is_fixed
from qssmc.analysis.gram import head_normals
from qssmc.analysis.least_squares import ridged, solve
from qssmc.analysis.sensitivity import downstream_gain
from qssmc.analysis.ssm_layers import SsmLayer, heads_of, ssm_layers
from qssmc.errors import UsageError
from qssmc.ir.build import Builder
from qssmc.ir.graph import Graph
from qssmc.ir.ops import Diag, Op, Readout, Scale
from qssmc.ir.table import Table
from qssmc.passes.prune.dead import drop_dead
from qssmc.passes.prune.eliminate import Elimination, eliminate
from qssmc.passes.rewrite import rewrite

_NOISE_BITS = 9  # of the states that the pruned design is to have: their rounding is the noise of the ridge
_SHAPED = 0.1  # dithered rounding makes this share of the noise that independent errors would
_LARGEST_GAIN = 1e4


@dataclass(frozen=True)
class PruneStates:
    """Group elimination (Gram matrix of the states over all heads, downstream gain as weight), then c and d refitted.

    mean: complex states a head that stay on average; loss: or as many removed as cost no more than this share of the
    weighted energy of the layer's output. Heads become ragged, and can end with no state at all.

    >>> from qssmc.ir import parse
    >>> before = parse('''
    ... graph t : discrete
    ... %u : f64[1] = input
    ... %x : cf64[2] = state
    ... %ax : cf64[2] = diag %x lambda_bar=@ax.lambda_bar
    ... %bu : cf64[2] = inject %u b_bar=@bu.b_bar heads=@bu.heads
    ... %xn : cf64[2] = add %ax %bu
    ... %y : f64[1] = readout %xn c=@y.c heads=@bu.heads channels=1
    ... next %x = %xn
    ... output y : step = %y
    ... table @ax.lambda_bar : real[2,2]
    ...   0.95 0.05 0.3 0.0
    ... table @bu.b_bar : real[2,2]
    ...   0.3 0.0 0.7 0.0
    ... table @bu.heads : int[2]
    ...   0 0
    ... table @y.c : real[2,2]
    ...   1.0 0.0 0.01 0.0''')
    >>> from qssmc_sim import run
    >>> data = Calibration(np.random.default_rng(0).normal(size=(8, 64, 1)), run)
    >>> after = PruneStates(1.0, None, data)(before)
    >>> str(after["x"].type), after["ax"].lambda_bar.data.tolist(), after.kept["x"].data.tolist()
    ('cf64[1]', [[0.95, 0.05]], [0])
    >>> after["y"].c.data.round(3).tolist()
    [[1.002, 0.003]]
    """

    mean: float | None
    loss: float | None
    calibration: Calibration

    def __call__(self, graph: Graph) -> Graph:
        if self.mean is None and self.loss is None:
            return graph
        layers = ssm_layers(graph)
        if (
            self.mean is not None
            and not layers
            and any(isinstance(op, Diag) and is_fixed(graph, op) for op in graph.ops)
        ):
            raise UsageError(
                f"--states {self.mean:g}: the state-space layers were trained on grids, so they stay as they are; "
                "leave it out"
            )
        for layer in layers:
            graph = self.prune(graph, layer)
        return graph

    def prune(self, graph: Graph, layer: SsmLayer) -> Graph:
        """The graph with fewer states in one layer."""
        heads, channels = heads_of(graph, layer), graph[layer.result].type.shape[0]
        if self.mean is not None and self.mean * channels > len(heads):
            has = f"{len(heads) / channels:g} a head that {layer.state} has"
            raise UsageError(f"--states {self.mean:g} is more than the {has}; give fewer")
        gains = downstream_gain(graph, layer.result, self.calibration)
        found = head_normals(graph, layer, self.calibration)
        noise = state_noise(graph, layer)
        eliminations = [
            Elimination(normal, noise[own], gain)
            for own, normal, gain in zip(found.members, found.normals, gains, strict=True)
        ]
        energy = sum(gain * float(normal.energy[0]) for normal, gain in zip(found.normals, gains, strict=True))
        if not energy > 0.0 and any(float(normal.energy[0]) > 0.0 for normal in found.normals):
            if self.mean is None and self.loss == 0.0:
                return graph
            raise UsageError(
                f"on the calibration sequences %{layer.result} moves and no output with it, so none of its states can "
                "be told from another; give sequences that move the outputs, or --prune-loss 0 without --states"
            )
        keep = 1 if self.mean is None else max(1, round(self.mean * channels))
        eliminate(eliminations, keep, np.inf if self.loss is None else self.loss * energy)
        alive = [own[elimination.alive] for own, elimination in zip(found.members, eliminations, strict=True)]
        c, d = self.refitted(graph, layer, found.members, alive, found.normals, noise)
        return _without(graph, layer, c, d)

    @staticmethod
    def refitted(
        graph: Graph,
        layer: SsmLayer,
        members: list[NDArray[np.int64]],
        alive: list[NDArray[np.int64]],
        normals: Any,
        noise: Any,
    ) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
        """c (S, 2) with new weights for the states that stay, and d (channels,)."""
        c, d = np.zeros((graph[layer.total].type.shape[0], 2)), np.zeros(len(members))
        for head, (own, left, normal) in enumerate(zip(members, alive, normals, strict=True)):
            index = np.flatnonzero(np.isin(own, left))
            columns = np.append(np.stack([2 * index, 2 * index + 1], axis=1).ravel(), 2 * len(own))
            gram = normal.gram[np.ix_(columns, columns)]
            extra = np.append(np.repeat(noise[left], 2), 0.0) * np.diag(gram)
            w = solve(ridged(gram, 1e-9) + np.diag(extra), normal.moment[columns])[:, 0]
            c[left] = w[:-1].reshape(-1, 2) * (1.0, -1.0)
            d[head] = w[-1]
        return c, d


def state_noise(graph: Graph, layer: SsmLayer) -> NDArray[np.float64]:
    """Rounding noise in each state relative to its energy: 1/12 of a squared LSB, grown by 1 / (1 - |lambda_bar|^2).

    A state's peak is taken as three times its rms.
    """
    transition = graph[layer.transition]
    assert isinstance(transition, Diag)
    gain = 1.0 / np.maximum(1.0 - np.abs(transition.lambda_bar.as_complex()) ** 2, 1.0 / _LARGEST_GAIN)
    return np.asarray(_SHAPED * gain * 9.0 / 12.0 * 4.0 ** -(_NOISE_BITS - 1))


def _without(graph: Graph, layer: SsmLayer, c: NDArray[np.float64], d: NDArray[np.float64]) -> Graph:
    """The graph with new c and d, and without the states whose c is zero."""

    def replace_op(b: Builder, op: Op, inputs: tuple[str, ...]) -> str | None:
        if isinstance(op, Readout) and op.name == layer.readout:
            table = Table.real(c)
            return b.add(Readout(c=table, heads=op.heads, channels=op.channels), op.name, *inputs, origin=op.origin)
        if isinstance(op, Scale) and op.name == layer.feed:
            return b.add(Scale(factor=Table.real(d)), op.name, *inputs, origin=op.origin)
        return None

    return drop_dead(rewrite(replace(graph, ranges={}), graph.stage, replace_op))
