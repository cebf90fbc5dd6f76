"""Discretize: continuous poles to one step of the recurrence, and poles that cannot be stepped."""

from __future__ import annotations

import cmath
import warnings
from collections.abc import Callable

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from qssmc.errors import UnsupportedModelError
from qssmc.frontend import trace
from qssmc.ir import Graph, parse, print_graph
from qssmc.ir.ops import Decay, Diag, Drive, Inject
from qssmc.models import ModelConfig
from qssmc.passes.canonicalise import canonicalise
from qssmc.passes.discretize import discretize
from qssmc_sim import run
from support.random_models import configs, mimo_graph, ragged_graph, random_model, sensor_samples, to_real

BEFORE = """
graph t : float
%u : f64[2] = input
%x : cf64[3] = state from "ssm"
%ax : cf64[3] = decay %x a=@ax.a dt=@ax.dt method=bilinear from "ssm"
%bu : cf64[3] = drive %u a=@bu.a b=@bu.b dt=@bu.dt method=bilinear heads=@bu.heads from "ssm"
%xn : cf64[3] = add %ax %bu from "ssm"
%y : f64[2] = readout %xn c=@y.c heads=@bu.heads channels=2 from "ssm"
next %x = %xn
output y : step = %y
table @ax.a : real[3,2]
  -12.0 0.0 -4.0 -8.0 -8.0 16.0
table @ax.dt : real[3]
  0.5 0.5 0.25
table @bu.a : real[3,2]
  -12.0 0.0 -4.0 -8.0 -8.0 16.0
table @bu.b : real[3,2]
  1.0 0.0 0.5 0.5 0.0 -1.0
table @bu.dt : real[3]
  0.5 0.5 0.25
table @bu.heads : int[3]
  0 0 1
table @y.c : real[3,2]
  1.0 0.0 2.0 1.0 0.0 1.0
"""
# (pole a, step dt, input weight b) of each state in BEFORE: numbers whose bilinear steps are exact in binary
STATES = [(-12 + 0j, 0.5, 1 + 0j), (-4 - 8j, 0.5, 0.5 + 0.5j), (-8 + 16j, 0.25, -1j)]


def zoh(a: complex, dt: float, b: complex) -> tuple[complex, complex]:
    step = cmath.exp(dt * a)
    return step, (step - 1) / a * b


def bilinear(a: complex, dt: float, b: complex) -> tuple[complex, complex]:
    half = dt * a / 2
    return (1 + half) / (1 - half), dt * b / (1 - half)


def test_text_before_and_after(golden: Callable[[str, str], None]) -> None:
    golden("discretize.ir", print_graph(discretize(parse(BEFORE))))


@pytest.mark.parametrize(("method", "formula"), [("zoh", zoh), ("bilinear", bilinear)])
def test_steps_follow_the_formulas(method: str, formula: Callable[..., tuple[complex, complex]]) -> None:
    after = discretize(parse(BEFORE.replace("method=bilinear", f"method={method}")))
    assert isinstance(after["ax"], Diag)
    assert isinstance(after["bu"], Inject)
    wanted = [formula(*state) for state in STATES]
    np.testing.assert_allclose(after["ax"].lambda_bar.as_complex(), [pole for pole, _ in wanted], rtol=1e-14)
    np.testing.assert_allclose(after["bu"].b_bar.as_complex(), [weight for _, weight in wanted], rtol=1e-14)


def test_a_discrete_graph_only_changes_its_stage() -> None:
    once = discretize(parse(BEFORE))
    assert once.stage == "discrete"
    assert discretize(once) == once


@settings(max_examples=15)
@given(config=configs(), seed=st.integers(0, 99))
def test_answers_stay_exactly(config: ModelConfig, seed: int) -> None:
    before = canonicalise(trace(random_model(config, seed), config.d_input))
    after = discretize(before)
    assert not [op for op in after.ops if isinstance(op, (Decay, Drive))]
    samples = to_real(sensor_samples(config.d_input, seed))
    np.testing.assert_array_equal(run(after, samples).outputs["y"], run(before, samples).outputs["y"])


@pytest.mark.parametrize("graph", [mimo_graph(), ragged_graph([2, 0, 3]), ragged_graph([0, 0])], ids=lambda g: g.name)
def test_mimo_ragged_and_empty(graph: Graph) -> None:
    samples = to_real(sensor_samples(2))
    np.testing.assert_array_equal(run(discretize(graph), samples).outputs["y"], run(graph, samples).outputs["y"])


@pytest.mark.parametrize("log_a_real", [-60.0, -1000.0])
@pytest.mark.parametrize("method", ["zoh", "bilinear"])
def test_a_pole_on_the_unit_circle_is_refused(log_a_real: float, method: str) -> None:
    model = random_model(ModelConfig(d_model=2, d_state=3, discretization=method))  # type: ignore[arg-type]
    with torch.no_grad():
        model.blocks[0].ssm.log_a_real[1, 1:] = log_a_real  # type: ignore[union-attr,index,operator]
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        graph = canonicalise(trace(model, 1))
        with pytest.raises(UnsupportedModelError, match=r"blocks\.0\.ssm: 2 of 6 poles have \|lambda_bar\| >= 1") as e:
            discretize(graph)
    assert "state 4 first" in str(e.value)


@pytest.mark.parametrize("a", ["0.0 0.0", "0.25 1.0", "2000.0 0.0", "-1e-18 2.0", "-0.0 3.0"])
def test_poles_that_do_not_forget(a: str) -> None:
    text = BEFORE.replace("-8.0 16.0", a).replace("bilinear", "zoh")
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        with pytest.raises(
            UnsupportedModelError, match=r"ssm: 1 of 3 poles .* must lie strictly inside the unit circle"
        ):
            discretize(parse(text))


def test_all_unstable_layers_are_named_at_once() -> None:
    model = random_model(ModelConfig(d_model=2, d_state=2, n_layers=2, mixing="linear"))
    with torch.no_grad():
        for block in model.blocks:
            block.ssm.log_a_real.fill_(-500.0)  # type: ignore[union-attr,operator]
    with pytest.raises(UnsupportedModelError, match=r"blocks\.0\.ssm: 4 of 4 .*; blocks\.1\.ssm: 4 of 4"):
        discretize(canonicalise(trace(model, 1)))


def test_a_slow_pole_is_kept() -> None:
    after = discretize(parse(BEFORE.replace("-8.0 16.0", "-1e-9 2.0")))
    assert isinstance(after["ax"], Diag)
    assert abs(after["ax"].lambda_bar.as_complex()[2]) < 1.0
