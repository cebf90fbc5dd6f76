"""Quantise: every table on its grid with no more bits than asked for, and casts where values must be narrow."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any, get_args

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from qssmc.analysis.calibration import Calibration
from qssmc.analysis.scales import is_power_of_two
from qssmc.errors import UnsupportedModelError
from qssmc.frontend import trace
from qssmc.ir import Graph, Table, parse, print_graph
from qssmc.ir.ops import Activation, Cast, Diag, LayerNorm, Matvec, Op
from qssmc.models import ModelConfig
from qssmc.passes.calibrate import Calibrate
from qssmc.passes.quantise import Quantise, QuantiseOptions
from qssmc.passes.quantise.options import SchemeName
from qssmc.passes.quantise.survey import finest_unit
from qssmc_sim import run
from support.random_models import (
    FORMAT,
    compile_stages,
    configs,
    mimo_graph,
    outputs_of,
    ragged_graph,
    random_model,
    sensor_samples,
    to_real,
)

SCHEMES: tuple[SchemeName, ...] = get_args(SchemeName)
# One state a head of different size, an activation and a matvec: small enough to be checked by eye.
BEFORE = """
graph t : discrete
%u : f64[2] = input
%x : cf64[2] = state from "ssm"
%ax : cf64[2] = diag %x lambda_bar=@ax.lambda_bar from "ssm"
%bu : cf64[2] = inject %u b_bar=@bu.b_bar heads=@bu.heads from "ssm"
%xn : cf64[2] = add %ax %bu from "ssm"
%cx : f64[2] = readout %xn c=@cx.c heads=@cx.heads channels=2 from "ssm"
%du : f64[2] = scale %u factor=@du.factor from "ssm"
%y : f64[2] = add %cx %du from "ssm"
%act : f64[2] = activation %y kind=relu from "act"
%out : f64[1] = matvec %act weight=@out.weight bias=@out.bias from "decoder"
next %x = %xn
output y : step = %out
table @ax.lambda_bar : real[2,2]
  0.5 0.25 0.9375 0.0
table @bu.b_bar : real[2,2]
  0.5 0.125 0.0625 0.0
table @bu.heads : int[2]
  0 1
table @cx.c : real[2,2]
  1.0 -0.75 0.3 0.0
table @cx.heads : int[2]
  0 1
table @du.factor : real[2]
  0.5 -0.3
table @out.weight : real[1,2]
  1.0 -0.6
table @out.bias : real[1]
  0.1
"""
SAMPLES = np.array([[[0, 255], [128, 0], [255, 64], [255, 255], [0, 0], [0, 255]]])


def by_hand() -> Graph:
    return Calibrate(Calibration(to_real(SAMPLES), run))(parse(BEFORE))


def quantised(graph: Graph, **options: Any) -> Graph:
    return Quantise(QuantiseOptions(**options), FORMAT)(graph)


@pytest.mark.parametrize("scheme", SCHEMES)
def test_text_before_and_after(scheme: SchemeName, golden: Callable[[str, str], None]) -> None:
    after = quantised(by_hand(), scheme=scheme, weight_bits=4, activation_bits=6, state_bits=8, a_bits=8)
    golden(f"quantise_{scheme}.ir", print_graph(after))


@pytest.mark.parametrize("scheme", SCHEMES)
def test_a_graph_with_nothing_to_round_only_changes_its_stage(scheme: SchemeName) -> None:
    text = "graph t : discrete\n%u : f64[2] = input\n%s : f64[1] = slice %u start=1 stop=2\noutput y : step = %s\n"
    before = parse(text)
    assert quantised(before, scheme=scheme) == replace(before, stage="quantised")


def on_grid(table: Table) -> np.ndarray:
    assert table.grid is not None
    return np.asarray(table.data / table.grid.scale)


@settings(max_examples=20)
@given(
    config=configs(),
    scheme=st.sampled_from(SCHEMES),
    bits=st.sampled_from([(2, 2, 4, 3), (4, 6, 8, 8), (8, 8, 16, 16), (16, 12, 16, 16)]),
    seed=st.integers(0, 99),
)
def test_every_number_lies_on_its_grid(
    config: ModelConfig, scheme: SchemeName, bits: tuple[int, int, int, int], seed: int
) -> None:
    weight, activation, state, a = bits
    options = QuantiseOptions(scheme, weight, activation, state, a)
    graph = compile_stages(
        trace(random_model(config, seed), config.d_input), options, sensor_samples(config.d_input, seed)
    )["quantise"]
    for op in graph.ops:
        for name, table in op.tables().items():
            if table.grid is None:
                assert isinstance(op, (Cast, LayerNorm)) or name in ("heads", "value")
                continue
            q = on_grid(table)
            np.testing.assert_allclose(q, np.rint(q), rtol=0, atol=1e-6)
            width = np.broadcast_to(table.grid.width, q.shape)
            if name in ("bias", "value") or scheme == "qssm":
                assert (np.rint(q) >= -(2.0 ** (width - 1))).all()
                assert (np.rint(q) < 2.0 ** (width - 1)).all()
            else:  # a zero point may move the window of a head or a tensor, but not make it wider
                rows = np.rint(q).reshape(len(q), -1)
                assert (np.ptp(rows, axis=1) < 2.0 ** width.reshape(len(q), -1)[:, 0]).all()
            if name in ("weight", "b_bar", "c", "factor") and "_bias" not in op.name:
                assert (width == weight).all()
            if name == "lambda_bar":
                assert (width == a).all()
        if isinstance(op, Cast):
            assert (op.low.data <= 0).all()
            assert (op.high.data >= 0).all()
            if not op.name.startswith(("pool_", "blocks_0_ssm_x", "blocks_1_ssm_x")):
                assert (op.high.data - op.low.data < 2 ** max(activation, state)).all()


def scales_of(op: Op) -> list[np.ndarray]:
    grids = [table.grid.scale for table in op.tables().values() if table.grid is not None]
    return [*grids, op.scale.data] if isinstance(op, Cast) else grids


@settings(max_examples=15)
@given(config=configs(), seed=st.integers(0, 99))
def test_qssm_has_no_scale_but_powers_of_two(config: ModelConfig, seed: int) -> None:
    graph = compile_stages(
        trace(random_model(config, seed), config.d_input), QuantiseOptions(), sensor_samples(config.d_input, seed)
    )["quantise"]
    for op in graph.ops:
        assert all(is_power_of_two(scale) for scale in scales_of(op)), op.name


@settings(max_examples=15)
@given(
    config=configs(norms=["none", "batch"]), seed=st.integers(0, 99), form=st.sampled_from(["increment", "cartesian"])
)
def test_many_bits_are_close_to_float(config: ModelConfig, seed: int, form: Any) -> None:
    samples = sensor_samples(config.d_input, seed)
    options = QuantiseOptions(weight_bits=16, activation_bits=12, state_bits=16, a_bits=16, a_form=form)
    stages = compile_stages(trace(random_model(config, seed), config.d_input), options, samples)
    wanted, found = outputs_of(stages["balance"], samples)["y"], outputs_of(stages["quantise"], samples)["y"]
    assert np.abs(found - wanted).max() <= 0.02 * np.abs(wanted).max()


@pytest.mark.parametrize("form", ["increment", "cartesian"])
def test_rounded_poles_stay_inside(form: Any) -> None:
    for bits in (3, 5, 8, 16):
        graph = quantised(by_hand(), a_bits=bits, a_form=form)
        (op,) = [op for op in graph.ops if isinstance(op, Diag)]
        pole = op.lambda_bar.as_complex() + (1.0 if form == "increment" else 0.0)
        assert (np.abs(pole) < 1.0).all()


def test_states_of_one_head_share_a_scale() -> None:
    samples = sensor_samples(2)
    for scheme in SCHEMES:
        graph = compile_stages(ragged_graph([2, 0, 3, 1]), QuantiseOptions(scheme), samples)["quantise"]
        (update,) = [graph[graph.updates[state.name]] for state in graph.states]
        assert isinstance(update, Cast)
        scale = np.broadcast_to(update.scale.data, 6)
        for head in ([0, 1], [2, 3, 4]):
            assert len(set(scale[head])) == 1


def test_layer_norm_and_activation_get_operands_of_one_scale_although_a_linear_came_first() -> None:
    text = """
graph t : discrete
%u : f64[2] = input
%v : f64[2] = matvec %u weight=@v.weight bias=@v.bias
%w : f64[2] = matvec %v weight=@v.weight bias=@v.bias
%n : f64[2] = layernorm %v gamma=@n.gamma beta=@v.bias eps=1e-05
%a : f64[2] = activation %v kind=tanh
%s : f64[2] = add %w %n %a
output y : step = %s
table @v.weight : real[2,2]
  100.0 0.0 0.0 0.01
table @v.bias : real[2]
  0.0 0.0
table @n.gamma : real[2]
  1.0 1.0
"""
    graph = quantised(Calibrate(Calibration(to_real(sensor_samples(2)), run))(parse(text)))
    (w, n, a) = (next(op for op in graph.ops if op.name == name) for name in "wna")
    assert isinstance(w, Matvec)
    assert isinstance(n, LayerNorm)
    assert isinstance(a, Activation)
    wide, shared = graph[w.inputs[0]], graph[n.inputs[0]]
    assert isinstance(wide, Cast)
    assert isinstance(shared, Cast)
    assert np.ptp(wide.scale.data) > 0.0
    assert shared.scale.shape == ()
    assert isinstance(graph[a.inputs[0]], Cast)
    assert graph[a.inputs[0]].scale.shape == ()  # type: ignore[attr-defined]


def test_a_glu_right_after_an_activation_gets_its_own_cast() -> None:
    text = """
graph t : discrete
%u : f64[2] = input
%a : f64[2] = activation %u kind=tanh
%value : f64[1] = slice %a start=0 stop=1
%gate_in : f64[1] = slice %a start=1 stop=2
%gate : f64[1] = activation %gate_in kind=sigmoid
%g : f64[1] = mul %value %gate
output y : step = %g
"""
    graph = quantised(Calibrate(Calibration(to_real(sensor_samples(2)), run))(parse(text)))
    gate = graph["gate"]
    assert isinstance(graph[gate.inputs[0]], Cast)
    samples = to_real(sensor_samples(2, 1))
    wanted = run(parse(text), samples).outputs["y"]
    assert np.abs(run(graph, samples).outputs["y"] - wanted).max() < 0.02


def test_the_input_of_a_mimo_system_goes_into_the_columns() -> None:
    samples = sensor_samples(2)
    for scheme in SCHEMES:
        stages = compile_stages(mimo_graph(4), QuantiseOptions(scheme, 16, 12, 16, 16), samples)
        wanted, found = outputs_of(stages["balance"], samples)["y"], outputs_of(stages["quantise"], samples)["y"]
        assert np.abs(found - wanted).max() <= 0.02 * np.abs(wanted).max()


def test_units_finer_than_a_sum_can_use_are_not_made() -> None:
    graph = by_hand()
    reach = {name: np.abs(table.data[:2]).max(axis=0) for name, table in graph.ranges.items()}
    # cx and du are read by the sum y alone, so it counts how far that reaches; act and u are read by others too.
    for name, wanted in {
        "cx": np.maximum(reach["cx"], reach["y"]),
        "du": np.maximum(reach["du"], reach["y"]),
        "act": reach["act"],
        "bu": np.maximum(reach["bu"], reach["xn"]).max(axis=-1),
    }.items():
        unit = finest_unit(graph, graph[name])
        assert is_power_of_two(unit)
        assert (unit <= wanted * 2.0**-28).all()
        assert (2 * unit > wanted * 2.0**-28).all()


def test_silent_values_have_no_finest_unit() -> None:
    graph = Calibrate(Calibration(np.zeros((1, 4, 2)), run))(parse(BEFORE))
    assert finest_unit(graph, graph["cx"]).tolist() == [0.0, 0.0]


def test_what_has_no_quantised_form_is_named() -> None:
    text = 'graph t : discrete\n%u : f64[1] = input\n%c : f64[2] = concat %u %u from "join"\noutput y : step = %c\n'
    with pytest.raises(UnsupportedModelError, match=r"%c \(concat, from join\) has no quantised form"):
        quantised(parse(text))


def test_a_state_that_is_no_running_sum_is_named() -> None:
    text = """
graph t : discrete
%u : f64[1] = input
%s : f64[1] = state from "odd"
%n : f64[1] = add %s %u %u from "odd"
next %s = %n
output y : step = %n
"""
    with pytest.raises(UnsupportedModelError, match=r"%s \(from odd\) must become itself plus one value"):
        quantised(Calibrate(Calibration(np.ones((1, 3, 1)), run))(parse(text)))
