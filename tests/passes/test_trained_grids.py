"""Grids that a model was trained on: rounding to even in integers, tables kept, layers left alone."""

from __future__ import annotations

import numpy as np
import pytest
from numpy.typing import NDArray

from qssmc.analysis.calibration import Calibration
from qssmc.analysis.fixed import straight_through
from qssmc.data import InputFormat
from qssmc.errors import UnsupportedModelError, UsageError
from qssmc.ir import parse, print_graph
from qssmc.ir.graph import Graph
from qssmc.ir.ops import Cast, Diag, Inject, Matvec, Readout, Requant
from qssmc.passes.align import Align
from qssmc.passes.balance import balance
from qssmc.passes.calibrate import Calibrate
from qssmc.passes.canonicalise import canonicalise
from qssmc.passes.prove import prove
from qssmc.passes.prune import PruneStates
from qssmc.passes.quantise import Quantise, QuantiseOptions
from qssmc.passes.rotate import rotate
from qssmc_sim import run

FORMAT = InputFormat(8, 3, True)
EVERY = np.arange(-128, 128).reshape(1, -1, 1)  # all samples of the format


def integers_of(graph: Graph, samples: NDArray[np.int64] = EVERY) -> Graph:
    """The proven integer graph of a discrete one, calibrated on samples."""
    observed = Calibrate(Calibration(FORMAT.to_real(samples).astype(np.float64), run))(graph)
    return prove(Align(FORMAT)(Quantise(QuantiseOptions(), FORMAT)(observed)))


def rounds(scale: float, low: int, high: int, even: str = " even=1") -> Graph:
    return parse(f"""
graph t : discrete
%u : f64[1] = input
%c : f64[1] = cast %u scale={scale} low={low} high={high}{even}
output y : step = %c""")


@pytest.mark.parametrize("shift", range(6))
@pytest.mark.parametrize("ends", [(-8, 7), (-7, 7), (0, 15), (-3, 4)])
def test_half_way_goes_to_the_even_level_for_every_sample(shift: int, ends: tuple[int, int]) -> None:
    scale = 2.0 ** (shift - 3)
    found = run(integers_of(rounds(scale, *ends)), EVERY).outputs["y"]
    assert np.array_equal(found, np.clip(np.rint(EVERY / 2.0**shift), *ends))
    assert np.array_equal(run(rounds(scale, *ends), EVERY / 8.0).outputs["y"], found * scale)


def test_without_even_half_way_goes_up_by_one_requant() -> None:
    graph = integers_of(rounds(1.0, -8, 7, ""))
    assert [type(op) for op in graph.ops[1:]] == [Requant]
    assert np.array_equal(run(graph, EVERY).outputs["y"], np.clip(np.floor(EVERY / 8 + 0.5), -8, 7))


def test_elements_with_and_without_ties_share_a_cast() -> None:
    graph = parse("""
graph t : discrete
%u : f64[1] = input
%w : f64[2] = matvec %u weight=@w.weight bias=@w.bias
%c : f64[2] = cast %w scale=1.0 low=-50 high=50 even=1
output y : step = %c
table @w.weight : real[2,1] grid width[]=4 scale[]=0.5
  0.5 1.5
table @w.bias : real[2]
  0.3 0.25""")
    found = run(integers_of(graph), EVERY).outputs["y"]
    wanted = np.rint(EVERY / 8.0 * [0.5, 1.5] + [0.3, 0.25])
    assert np.array_equal(found, wanted), "0.3 is no multiple of the sum's unit, and lies where it was rounded down"
    made = Quantise(QuantiseOptions(), FORMAT)(Calibrate(Calibration(EVERY / 8.0, run))(graph))
    cast, product = made["c"], made["w"]
    assert isinstance(cast, Cast)
    assert isinstance(product, Matvec)
    assert cast.even is not None
    assert cast.even.data.tolist() == [0, 1]
    assert product.weight == graph["w"].tables()["weight"], "the weights and their grid are those of the model"
    assert product.inputs == ("u",), "samples are read as they are"


def test_relu_before_a_quantiser_is_its_lower_clamp() -> None:
    graph = parse("""
graph t : discrete
%u : f64[1] = input
%r : f64[1] = activation %u kind=relu
%c : f64[1] = cast %r scale=0.5 low=-8 high=20 even=1
output y : step = %c""")
    made = integers_of(graph)
    assert "lut" not in print_graph(made)
    assert np.array_equal(run(made, EVERY).outputs["y"], np.clip(np.rint(np.maximum(EVERY, 0) / 4), -8, 20))


def test_relu_behind_a_quantiser_stays_on_its_grid() -> None:
    graph = parse("""
graph t : discrete
%u : f64[1] = input
%c : f64[1] = cast %u scale=0.5 low=-8 high=20 even=1
%r : f64[1] = activation %c kind=relu
%y : f64[1] = add %r %c
output y : step = %y""")
    made = integers_of(graph)
    assert made.scales["r_q"].data.tolist() == [0.5]
    c = np.clip(np.rint(EVERY / 4), -8, 20)
    assert np.array_equal(run(made, EVERY).outputs["y"], np.maximum(c, 0) + c)


def test_table_of_a_nonlinearity_rounds_to_even() -> None:
    graph = parse("""
graph t : discrete
%u : f64[1] = input
%a : f64[1] = cast %u scale=0.125 low=-128 high=127 even=1
%r : f64[1] = activation %a kind=qgelu
%c : f64[1] = cast %r scale=0.5 low=-8 high=20 even=1
output y : step = %c""")
    x = EVERY / 8.0
    wanted = np.rint(x * np.clip(x + 2.0, 0.0, 4.0) / 4.0 / 0.5).clip(-8, 20)
    assert np.array_equal(run(integers_of(graph), EVERY).outputs["y"], wanted)


def test_scale_by_channel_before_a_sum_over_channels_is_refused() -> None:
    graph = parse("""
graph t : discrete
%u : f64[2] = input
%c : f64[2] = cast %u scale=@c.scale low=-8 high=7 even=1
%w : f64[1] = matvec %c weight=@w.weight bias=@w.bias from "mix"
output y : step = %w
table @c.scale : real[2]
  0.5 0.25
table @w.weight : real[1,2] grid width[]=4 scale[]=0.5
  0.5 1.5
table @w.bias : real[1]
  0.0""")
    samples = np.random.default_rng(0).integers(-128, 128, (1, 20, 2))
    with pytest.raises(UnsupportedModelError, match=r"one scale a channel.*quantise it with one scale a tensor"):
        integers_of(graph, samples)


LAYER = """
graph t : discrete
%u : f64[1] = input
%x : cf64[2] = state
%ax : cf64[2] = diag %x lambda_bar=@ax.lambda_bar
%bu : cf64[2] = inject %u b_bar=@bu.b_bar heads=@bu.heads
%xn : cf64[2] = add %ax %bu
%xq : cf64[2] = cast %xn scale=0.0625 low=-512 high=511 even=1
%y : f64[1] = readout %xq c=@y.c heads=@bu.heads channels=1
%c : f64[1] = cast %y scale=0.25 low=-128 high=127 even=1
next %x = %xq
output y : step = %c
table @ax.lambda_bar : real[2,2] grid width[]=8 scale[]=0.0078125
  0.9375 0.25 0.5 -0.1015625
table @bu.b_bar : real[2,2] grid width[]=8 scale[]=0.015625
  0.25 0.5 0.75 0.0
table @bu.heads : int[2]
  0 0
table @y.c : real[2,2] grid width[]=8 scale[]=0.03125
  1.0 -0.5 0.03125 0.0
"""


def test_a_layer_on_grids_with_a_rounded_state_is_exact() -> None:
    """Complex states round to even, re and im; every integer is that of float64 arithmetic, which is exact here."""
    graph, samples = parse(LAYER), np.random.default_rng(1).integers(-128, 128, (3, 60, 1))
    made, wanted, found = integers_of(graph, samples), [], []
    run(graph, samples / 8.0, lambda t, v: wanted.append((v["xq"] / 0.0625, v["c"] / 0.25)))
    run(made, samples, lambda t, v: found.append((v["xq"], v["c"])))
    assert all(np.array_equal(a, b) for w, f in zip(wanted, found, strict=True) for a, b in zip(w, f, strict=True))


def test_passes_leave_it_as_it_is() -> None:
    graph, real = parse(LAYER), np.random.default_rng(1).integers(-128, 128, (3, 60, 1)) / 8.0
    data = Calibration(real, run)
    for made in (
        canonicalise(graph),
        rotate(graph),
        balance(Calibrate(data)(graph)),
        PruneStates(None, 0.5, data)(graph),
    ):
        for name in ("ax", "bu", "xq", "y", "c"):
            assert made[name] == graph[name]


def test_states_of_a_trained_layer_are_not_pruned_on_demand() -> None:
    data = Calibration(np.ones((1, 8, 1)), run)
    with pytest.raises(UsageError, match=r"--states 1: the state-space layers were trained on grids.*leave it out"):
        PruneStates(1.0, None, data)(parse(LAYER))


def test_scale_before_a_table_on_a_grid_is_not_folded_into_it() -> None:
    graph = parse("""
graph t : discrete
%u : f64[1] = input
%s : f64[1] = scale %u factor=0.3
%w : f64[1] = matvec %s weight=@w.weight bias=@w.bias
%b : f64[1] = offset %w value=@b.value
%t : f64[1] = scale %b factor=0.7
output y : step = %t
table @w.weight : real[1,1] grid width[]=4 scale[]=0.5
  1.5
table @w.bias : real[1]
  0.25
table @b.value : real[1]
  1.0""")
    made = canonicalise(graph)
    assert [op.mnemonic for op in made.ops] == ["input", "scale", "matvec", "scale"]
    product = made["b"]
    assert isinstance(product, Matvec)
    assert product.weight == graph["w"].tables()["weight"]
    assert product.bias.data.tolist() == [1.25]


def test_derivatives_go_straight_through() -> None:
    plain = straight_through(parse(LAYER))
    assert not any(isinstance(op, Cast) for op in plain.ops)
    assert plain.updates == {"x": "xn"}
    assert plain.outputs[0].value == "y"
    assert [type(op) for op in plain.ops[2:4]] == [Diag, Inject]
    assert isinstance(plain["y"], Readout)
