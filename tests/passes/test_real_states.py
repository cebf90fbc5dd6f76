"""Real states: half the numbers of complex ones at the same error, proven not to saturate, unstable ones refused."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from qssmc.analysis.calibration import Calibration
from qssmc.analysis.real_states import real_states
from qssmc.data.sequences import InputFormat
from qssmc.errors import UnsupportedModelError
from qssmc.frontend.layers.system import System
from qssmc.ir import Builder, Graph, Table, Type, parse, print_graph, verify
from qssmc.ir.causal import causal_convolution, delayed, real_recurrence
from qssmc.ir.ops import Add, Cast, Diag, Inject, Readout, Requant, Scale, TypeFault
from qssmc.passes.calibrate import Calibrate
from qssmc.passes.methods import FULL, PLAIN
from qssmc.passes.pipeline import run_pipeline
from qssmc.passes.plan import PassPlan
from qssmc.passes.quantise import Quantise, QuantiseOptions
from qssmc.passes.quantise.survey import in_time_order
from qssmc.report.bounds import Tally, bounds_report
from qssmc_sim import run

POLES = np.array([0.5, 0.9, 0.97, 0.99, 0.999])
TWELVE = InputFormat(12, 11, True)
INT, REAL = Table.integer, Table.real


def averages(*, real: bool) -> Graph:
    """x <- x + (1 - pole) (u - x), as real states, or as complex ones whose im stays 0."""
    count = len(POLES)
    b = Builder("ema", "float")
    u = b.input("u", Type((count,)), "input")
    if real:
        own = np.arange(count)
        y = System(POLES + 0j, 1.0 - POLES + 0j, np.ones(count) + 0j, None, count, own).build(b, "ema", u, "ema")
    else:
        heads = INT(np.arange(count))
        x = b.state("x", Type((count,), complex=True), "ema")
        ax = b.add(Diag(lambda_bar=REAL(POLES + 0j)), "ax", x, origin="ema")
        bu = b.add(Inject(b_bar=REAL(1.0 - POLES + 0j), heads=heads), "bu", u, origin="ema")
        b.updates[x] = b.add(Add(), "xn", ax, bu, origin="ema")
        y = b.add(Readout(c=REAL(np.ones(count) + 0j), heads=heads, channels=count), "y", "xn", origin="ema")
    b.output("y", y, "step")
    return verify(b.graph())


def slow_samples() -> np.ndarray:
    noise = np.random.default_rng(0).normal(size=(8, 600, len(POLES)))
    for t in range(1, noise.shape[1]):
        noise[:, t] = 0.9 * noise[:, t - 1] + 0.44 * noise[:, t]
    return np.clip(np.rint(500 * noise), -2048, 2047).astype(np.int64)


@pytest.mark.parametrize("full", [False, True])
def test_real_states_take_half_the_bits_and_lose_no_more(full: bool) -> None:
    samples, errors, bits = slow_samples(), {}, {}
    options = QuantiseOptions(state_bits=10.0, a_bits=10.0, dither=True) if full else QuantiseOptions()
    for real in (False, True):
        plan = PassPlan(averages(real=real), options, TWELVE, Calibration(samples, run), FULL if full else PLAIN)
        stages = run_pipeline(plan)
        graph = stages["prove"]
        assert any(state.type.complex for state in graph.states) != real
        found = run(graph, samples).outputs["y"] * graph.scales[graph.outputs[0].value].data
        wanted = run(stages["float"], TWELVE.to_real(samples).astype(np.float64)).outputs["y"]
        errors[real] = np.sqrt(((found - wanted) ** 2).mean()) / wanted.std()
        update = stages["quantise"][stages["quantise"].updates["x" if not real else "ema_x"]]
        assert isinstance(update, Cast)
        each = np.broadcast_to(update.high.data - update.low.data, POLES.shape)
        bits[real] = np.log2(each + 2.0).sum() * (1 if real else 2)
    assert bits[True] == bits[False] / 2
    assert errors[True] < 1.05 * errors[False] < 0.02


def test_the_report_proves_which_real_states_saturate() -> None:
    """Of a sensor whose calibration fills its range, with a plain rounding of the states.

    1 / (1 - 0.5) is a power of two, one step beyond the clamp; the slowest pole takes longer to fill than calibration.
    """
    samples = slow_samples()
    samples[0, :300], samples[0, 300:] = 2047, -2048
    plan = PassPlan(averages(real=True), QuantiseOptions(), TWELVE, Calibration(samples, run))
    graph = run_pipeline(plan)["prove"]
    tally = Tally(graph)
    run(graph, samples, tally)
    (row,) = bounds_report(graph, tally)["states"]
    proven = [bound is not None and bound <= clamp for bound, clamp in zip(row["bound"], row["clamp"], strict=True)]
    assert proven == [False, True, True, True, False]
    assert row["bound"][0] - row["clamp"][0] <= 2
    assert all(peak <= bound for peak, bound in zip(row["peak"], row["bound"], strict=True))
    assert row["saturated"] == [0] * len(POLES)


@pytest.mark.parametrize("pole", [1.0001, -1.5])
def test_an_unstable_real_state_is_refused(pole: float) -> None:
    b = Builder("t", "float")
    u = b.input("u", Type((1,)))
    b.output("y", real_recurrence(b, "ema", np.array([pole]), u, "layer.ema"), "step")
    plan = PassPlan(b.graph(), QuantiseOptions(), TWELVE, Calibration(np.ones((1, 4, 1), np.int64), run))
    with pytest.raises(UnsupportedModelError, match=r"layer\.ema: 1 of 1 poles"):
        run_pipeline(plan)


def test_poles_lie_on_their_grid_below_one() -> None:
    """1 + D for positive poles; as plain numbers where all are negative, which 1 + D would make coarser."""
    for sign in (1.0, -1.0):
        b = Builder("t", "discrete")
        u = b.input("u", Type((len(POLES),)))
        b.output("y", real_recurrence(b, "ema", sign * POLES, u, "ema"), "step")
        samples = TWELVE.to_real(slow_samples()).astype(np.float64)
        graph = Quantise(QuantiseOptions(a_bits=8, state_bits=12), TWELVE)(
            Calibrate(Calibration(samples, run))(b.graph())
        )
        (scaled,) = (op for op in graph.ops if isinstance(op, Scale))
        steps = scaled.factor.on_grid()
        assert np.abs(steps).max() <= 127
        pole = scaled.factor.data + (sign > 0.0)
        assert (np.abs(pole) < 1.0).all()
        np.testing.assert_allclose(pole, sign * POLES, rtol=0.0, atol=2.0**-7)


# --- delays ----------------------------------------------------------------------------------------------------------


def convolved(groups: int, dilation: int, *, seed: int = 0) -> tuple[Graph, torch.Tensor, torch.Tensor]:
    """A convolution in the IR, its samples and what torch makes of them."""
    random = np.random.default_rng(seed)
    weight, bias = random.normal(size=(4, 4 // groups, 3)), random.normal(size=4)
    b = Builder("conv", "float")
    u = b.input("u", Type((4,)))
    b.output("y", causal_convolution(b, "conv", u, weight, bias, "conv", groups=groups, dilation=dilation), "step")
    x = torch.from_numpy(random.normal(size=(2, 4, 20)))
    padded = torch.nn.functional.pad(x, (2 * dilation, 0))
    y = torch.nn.functional.conv1d(
        padded, torch.from_numpy(weight), torch.from_numpy(bias), dilation=dilation, groups=groups
    )
    return verify(b.graph()), x, y


@pytest.mark.parametrize("groups", [1, 2, 4])
@pytest.mark.parametrize("dilation", [1, 3])
def test_a_register_convolves_as_torch_does(groups: int, dilation: int) -> None:
    graph, x, y = convolved(groups, dilation)
    found = run(graph, x.numpy().transpose(0, 2, 1)).outputs["y"]
    np.testing.assert_allclose(found, y.numpy().transpose(0, 2, 1), rtol=1e-12, atol=1e-12)


def test_a_convolution_that_does_not_fit_is_refused() -> None:
    b = Builder("t", "float")
    with pytest.raises(TypeFault, match="convolution of 3 channels, 1 groups, does not fit 2 channels"):
        causal_convolution(b, "c", b.input("u", Type((2,))), np.ones((2, 3, 2)), np.zeros(2), "conv")


def test_delays_are_exact_copies_whatever_the_order_of_states() -> None:
    """A model may name its states before what they become, in any order, as ONNX graphs do."""
    b = Builder("t", "discrete")
    u = b.input("u", Type((2,)))
    register = delayed(b, "u", u, 3, "delay")
    b.output("y", register[-1], "step")
    graph = b.graph()
    states = [op for op in graph.ops if op.name != "u"][::-1]
    backwards = verify(graph.with_ops([*states, graph["u"]]))
    assert [op.name for op in in_time_order(backwards)] == ["u", "u_d1", "u_d2", "u_d3"]
    assert parse(print_graph(backwards)) == backwards
    samples = np.random.default_rng(0).integers(-2048, 2048, (2, 12, 2))
    integer = run_pipeline(PassPlan(backwards_float(backwards), QuantiseOptions(), TWELVE, Calibration(samples, run)))
    found = run(integer["prove"], samples).outputs["y"]
    first = run(integer["prove"], samples, keep := Seen("u_d1"))
    assert first.outputs["y"][:, 2:].tolist() == np.stack(keep.rows, axis=1)[:, :-2].tolist()
    assert not found[:, :3].any()


class Seen:
    """The rows of one value."""

    def __init__(self, name: str) -> None:
        self.name, self.rows = name, []

    def __call__(self, t: int, values: dict[str, np.ndarray]) -> None:
        if self.name in values:
            self.rows.append(values[self.name])


def test_a_register_saturates_nowhere_but_where_values_enter_it() -> None:
    b = Builder("t", "float")
    u = b.input("u", Type((2,)))
    b.output("y", delayed(b, "u", u, 2, "delay")[-1], "step")
    samples = np.random.default_rng(0).integers(-2048, 100, (2, 12, 2))
    graph = run_pipeline(PassPlan(b.graph(), QuantiseOptions(), TWELVE, Calibration(samples, run)))["prove"]
    tally = Tally(graph)
    run(graph, samples, tally)
    first, second = bounds_report(graph, tally)["states"]
    assert (first["can_saturate"], second["can_saturate"]) == (2, 0)
    entrance = graph[graph.updates["u_d1"]]
    assert isinstance(entrance, Requant)
    ends = np.stack([np.broadcast_to(table.data, (2,)) for table in (entrance.low, entrance.high)])
    assert second["bound"] == np.abs(ends).max(axis=0).tolist()


def backwards_float(graph: Graph) -> Graph:
    """The same at the float stage."""
    return parse(print_graph(graph).replace(": discrete", ": float"))


def test_sums_and_complex_states_are_no_real_states() -> None:
    assert set(real_states(averages(real=True))) == {"ema_x"}
    assert not real_states(averages(real=False))
    b = Builder("t", "float")
    u = b.input("u", Type((1,)))
    total = b.state("total", Type((1,)))
    b.updates[total] = b.add(Add(), "sum", total, u)
    b.output("y", "sum", "step")
    assert not real_states(b.graph())
