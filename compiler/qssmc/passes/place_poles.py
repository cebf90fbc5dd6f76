"""Place poles: every pole onto a point of its grid, chosen so that all poles of a head together lose least."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from qssmc.analysis.calibration import Calibration
from qssmc.analysis.least_squares import ridged
from qssmc.analysis.spectrum import Spectrum, spectrum_of
from qssmc.analysis.ssm_layers import SsmLayer, heads_of, ssm_layers
from qssmc.ir.build import Builder
from qssmc.ir.graph import Graph
from qssmc.ir.ops import Diag, Inject, Op, Readout, Scale
from qssmc.ir.table import Table
from qssmc.passes.quantise.options import AForm
from qssmc.passes.quantise.poles import increment_exponents, round_inside
from qssmc.passes.rewrite import rewrite

Real = NDArray[np.float64]
Complex = NDArray[np.complex128]
_SWEEPS = 2
_KEPT_SWEEPS = 8  # with c as it is, a sweep costs little
_RIDGE = 1e-9
_SHAPED = 0.1  # dithered rounding makes this share of the noise that independent errors would


@dataclass(frozen=True)
class PlacePoles:
    """lambda_bar on the grid that the quantise pass will round to, by coordinate descent.

    The grid is 1 + 2^-e (p + iq), or 2^(1 - bits) (p + iq) where `form` is "cartesian".

    The nearest point in log(lambda_bar) comes first; then each pole in turn tries the points around its own, and
    takes the one with which the best c of the head comes nearest to the head's response, over the spectrum of the
    input and with the states' rounding noise. Needs bits for states and poles (allocate). c is left to the refit; where
    none follows (solved False), the point is taken with which c as it is comes nearest.

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
    ...   1.0 0.0 0.01 0.0
    ... bits %xn : int[2]
    ...   13 3
    ... bits %ax.lambda_bar : int[2]
    ...   11 5''')
    >>> from qssmc_sim import run
    >>> data = Calibration(np.random.default_rng(0).normal(size=(8, 64, 1)), run)
    >>> PlacePoles(data)(before)["ax"].lambda_bar.data.round(4).tolist()
    [[0.95, 0.05], [0.375, -0.125]]
    """

    calibration: Calibration
    form: AForm = "increment"
    solved: bool = True

    def __call__(self, graph: Graph) -> Graph:
        poles = {layer.transition: self.placed(graph, layer) for layer in ssm_layers(graph)}

        def replace_op(b: Builder, op: Op, inputs: tuple[str, ...]) -> str | None:
            if isinstance(op, Diag) and op.name in poles:
                return b.add(Diag(lambda_bar=Table.real(poles[op.name])), op.name, *inputs, origin=op.origin)
            return None

        return rewrite(graph, graph.stage, replace_op, graph.ranges)

    def placed(self, graph: Graph, layer: SsmLayer) -> Complex:
        """The poles of one layer, head by head."""
        transition, drive, readout = graph[layer.transition], graph[layer.drive], graph[layer.readout]
        assert isinstance(transition, Diag)
        assert isinstance(drive, Inject)
        assert isinstance(readout, Readout)
        pole = transition.lambda_bar.as_complex()
        bits = np.broadcast_to(graph.bits[f"{transition.name}.lambda_bar"].data, pole.shape)
        state_bits = np.broadcast_to(graph.bits[layer.total].data, pole.shape)
        origin = 1.0 if self.form == "increment" else 0.0
        scale = np.exp2(-increment_exponents(pole, bits, state_bits) if origin else 1.0 - bits)
        nearest = origin + scale * round_inside(pole, origin, scale, bits)
        spectrum = spectrum_of(graph, drive.inputs[0], self.calibration)
        heads, b = heads_of(graph, layer), drive.b_bar.as_complex()
        feed = graph[layer.feed] if layer.feed else None
        d = np.broadcast_to(feed.factor.data, graph[layer.result].type.shape) if isinstance(feed, Scale) else None
        lsb = 2.0 ** (1.0 - state_bits) / np.maximum(np.abs(b), 1e-30)
        found = nearest.copy()
        for head in np.unique(heads):
            own = np.flatnonzero(heads == head)
            target = readout.c.as_complex()[own] * b[own]
            grid = _Grid(origin, scale[own], 2.0 ** (bits[own] - 1) - 1)
            kind = _Descent if self.solved else _KeptDescent
            descent = kind(spectrum, int(head), pole[own], target, 0.0 if d is None else float(d[head]), lsb[own])
            found[own] = descent.run(nearest[own], grid)
        return found


@dataclass(frozen=True)
class _Grid:
    """Points origin + scale (p + iq) with |p|, |q| <= top."""

    origin: float
    scale: Real
    top: Real

    def around(self, state: int, pole: complex) -> list[complex]:
        """The points next to a pole's own that lie strictly inside the unit circle."""
        scale, top = float(self.scale[state]), float(self.top[state])
        at = (pole - self.origin) / scale
        found = []
        for p in (-1, 0, 1):
            for q in (-1, 0, 1):
                re, im = round(at.real) + p, round(at.imag) + q
                value = self.origin + scale * complex(re, im)
                if (p or q) and max(abs(re), abs(im)) <= top and 0.0 < abs(value) < 1.0:
                    found.append(value)
        return found


class _Descent:
    """The least squares problem of one head: its response as a sum of its poles' responses, re and im of each state.

    Columns are sqrt(energy) times the transform of re x and im x of a real input, real and imaginary parts stacked.
    """

    def __init__(self, spectrum: Spectrum, head: int, pole: Complex, target: Complex, d: float, lsb: Real) -> None:
        self.spectrum, self.lsb = spectrum, lsb
        self.root = np.sqrt(spectrum.energy[:, head])
        re, im = self.transforms(pole)
        self.flat = np.concatenate([self.root, np.zeros_like(self.root)])
        self.wanted = target.real @ re - target.imag @ im + d * self.flat

    def transforms(self, pole: Complex) -> tuple[Real, Real]:
        """Weighted transforms of re x and im x: (S, 2K) each."""
        plus, minus = self.spectrum.response(pole), self.spectrum.response(np.conj(pole))
        pair = ((plus + minus) / 2.0 * self.root, (plus - minus) / 2.0j * self.root)
        re, im = (np.concatenate([part.real, part.imag], axis=1) for part in pair)
        return re, im

    def noise(self, pole: Complex, lsb: Real) -> Real:
        """The energy of a state's rounding noise, in the units of the columns."""
        return np.asarray(_SHAPED * lsb**2 / 12.0 / np.maximum(1.0 - np.abs(pole) ** 2, 1e-12))

    def run(self, start: Complex, grid: _Grid) -> Complex:
        """Sweeps over the poles until none moves."""
        pole = start.copy()
        re, im = self.transforms(pole)
        columns = np.concatenate([self.flat[None], np.stack([re, im], axis=1).reshape(2 * len(pole), -1)])
        noise = np.concatenate([[0.0], np.repeat(self.noise(pole, self.lsb), 2)])
        order = np.argsort(-np.abs(pole), kind="stable")
        for _ in range(_SWEEPS):
            moved = False
            for state in order:
                candidates = grid.around(int(state), complex(pole[state]))
                best = self.best(columns, noise, int(state), complex(pole[state]), candidates)
                if best != pole[state]:
                    moved, pole[state] = True, best
                    at = [1 + 2 * state, 2 + 2 * state]
                    columns[at] = np.concatenate(self.transforms(pole[state : state + 1]))
                    noise[at] = self.noise(pole[state], self.lsb[state])
            if not moved:
                break
        return pole

    def best(self, columns: Real, noise: Real, state: int, own: complex, candidates: list[complex]) -> complex:
        """The candidate with the least residual, once the other columns have done what they can; own wins ties."""
        if not candidates:
            return own
        others = np.delete(columns, [1 + 2 * state, 2 + 2 * state], axis=0)
        gram = ridged(others @ others.T, _RIDGE) + np.diag(np.delete(noise, [1 + 2 * state, 2 + 2 * state]))
        factor = np.linalg.cholesky(gram)
        seen = np.linalg.solve(factor, others)  # the other columns, orthonormal up to the noise
        rest = self.wanted @ seen.T
        values = np.array([own, *candidates])
        re, im = self.transforms(values)
        both = np.stack([re, im], axis=1)  # (n, 2, 2K)
        shared = both @ seen.T
        lsb = self.noise(values, np.full(len(values), self.lsb[state]))
        inner = both @ both.transpose(0, 2, 1) - shared @ shared.transpose(0, 2, 1)
        inner = inner + (lsb + _RIDGE * np.trace(inner, axis1=1, axis2=2))[:, None, None] * np.eye(2)
        moment = both @ self.wanted - shared @ rest
        gained = np.einsum("ni,ni->n", moment, np.linalg.solve(inner, moment[..., None])[..., 0])
        best = int(np.argmax(gained))
        return complex(values[best]) if gained[best] > gained[0] * (1.0 + 1e-9) else own


class _KeptDescent(_Descent):
    """The same with c as it is: what counts is the energy of what all moved poles together change in the response.

    It never becomes more than with the poles that it starts from.
    """

    def __init__(self, spectrum: Spectrum, head: int, pole: Complex, target: Complex, d: float, lsb: Real) -> None:
        super().__init__(spectrum, head, pole, target, d, lsb)
        self.target, self.ideal = target, pole
        self.size = np.abs(target) ** 2

    def shares(self, pole: Complex, target: Complex) -> Real:
        """What each pole adds to the response, (S, 2K)."""
        re, im = self.transforms(pole)
        return np.asarray(target.real[:, None] * re - target.imag[:, None] * im)

    def run(self, start: Complex, grid: _Grid) -> Complex:
        """Sweeps over the poles until none moves."""
        pole = start.copy()
        wrong = (self.shares(pole, self.target) - self.shares(self.ideal, self.target)).sum(axis=0)
        order = np.argsort(-np.abs(pole), kind="stable")
        for _ in range(_KEPT_SWEEPS):
            moved = False
            for state in order:
                values = np.array([complex(pole[state]), *grid.around(int(state), complex(pole[state]))])
                own = self.shares(values, np.full(len(values), self.target[state]))
                left = wrong + own - own[0]
                noise = self.noise(values, np.full(len(values), self.lsb[state])) * self.size[state]
                cost = (left**2).sum(axis=1) + noise
                best = int(np.argmin(cost))
                if cost[best] < cost[0] * (1.0 - 1e-9):
                    moved, pole[state], wrong = True, values[best], left[best]
            if not moved:
                break
        return pole
