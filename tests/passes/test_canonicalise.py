"""Canonicalise: fewer ops, the same answers."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from qssmc.errors import UnsupportedModelError
from qssmc.frontend import trace
from qssmc.ir import Graph, parse, print_graph
from qssmc.ir.ops import Divide, Glu, Matvec, Offset, Scale
from qssmc.models import ModelConfig
from qssmc.passes.canonicalise import canonicalise
from qssmc_sim import run
from support.random_models import configs, ragged_graph, random_model, sensor_samples, to_real

BEFORE = """
graph t : float
%u : f64[2] = input
%e : f64[4] = matvec %u weight=@e.weight bias=@e.bias from "encoder"
%n_scaled : f64[4] = scale %e factor=@n_scaled.factor from "norm"
%n : f64[4] = offset %n_scaled value=@n.value from "norm"
%g : f64[2] = glu %n from "gate"
%same : f64[2] = scale %g factor=1.0
%p : f64[2] = scale %same factor=@p.factor from "post"
%total : f64[2] = state from "pool"
%total_n : f64[2] = add %total %p from "pool"
%steps : f64[1] = state from "pool"
%one : f64[1] = constant value=@one.value from "pool"
%steps_n : f64[1] = add %steps %one from "pool"
%mean : f64[2] = divide %total %steps from "pool"
%h : f64[2] = offset %mean value=@h.value from "late norm"
%logits : f64[3] = matvec %h weight=@logits.weight bias=@logits.bias from "decoder"
next %total = %total_n
next %steps = %steps_n
output gate : step = %g
output y : last = %logits
table @e.weight : real[4,2]
  1.0 0.0 0.0 1.0 2.0 0.5 -1.0 0.25
table @e.bias : real[4]
  0.5 0.0 -0.5 1.0
table @n_scaled.factor : real[4]
  2.0 0.5 -1.0 4.0
table @n.value : real[4]
  0.0 1.0 0.0 -1.0
table @p.factor : real[2]
  3.0 0.25
table @one.value : real[1]
  1.0
table @h.value : real[2]
  0.0 2.0
table @logits.weight : real[3,2]
  1.0 2.0 0.0 1.0 -1.0 0.5
table @logits.bias : real[3]
  0.0 1.0 0.5
"""


def assert_same_answers(before: Graph, after: Graph, samples: np.ndarray) -> None:
    """The outputs agree to rounding; a summed mean is divided by the number of steps first."""
    old, new = run(before, samples).outputs, run(after, samples).outputs
    for output in after.outputs:
        divisor = samples.shape[1] if output.mean else 1
        np.testing.assert_allclose(new[output.name] / divisor, old[output.name], rtol=1e-9, atol=1e-9)


def test_text_before_and_after(golden: Callable[[str, str], None]) -> None:
    before = parse(BEFORE)
    after = canonicalise(before)
    golden("canonicalise.ir", print_graph(after))
    assert_same_answers(before, after, to_real(sensor_samples(2)))


def test_what_is_canonical_already_comes_back_equal() -> None:
    once = canonicalise(parse(BEFORE))
    assert canonicalise(once) == once


@settings(max_examples=20)
@given(config=configs(), seed=st.integers(0, 99))
def test_answers_stay_and_glu_and_means_go(config: ModelConfig, seed: int) -> None:
    before = trace(random_model(config, seed), config.d_input)
    after = canonicalise(before)
    assert not [op for op in after.ops if isinstance(op, (Glu, Divide))]
    assert_same_answers(before, after, to_real(sensor_samples(config.d_input, seed)))
    assert canonicalise(after) == after


def test_batch_norms_beside_a_linear_vanish() -> None:
    config = ModelConfig(d_model=3, d_state=2, norm="batch", norm_position="post", residual=False, mixing="linear")
    graph = canonicalise(trace(random_model(config), 1))
    norms = [op for op in graph.ops if isinstance(op, (Scale, Offset)) and "norm" in op.origin]
    assert norms == []


def test_a_folded_matvec_takes_the_name_of_what_it_stands_for() -> None:
    graph = canonicalise(parse(BEFORE))
    assert isinstance(graph["n"], Matvec)
    assert graph["n"].origin == "encoder"


def test_a_matvec_that_others_read_is_not_folded() -> None:
    text = """
graph t : float
%u : f64[1] = input
%e : f64[1] = matvec %u weight=@e.weight bias=@e.bias
%s : f64[1] = scale %e factor=2.0
%y : f64[1] = mul %e %s
output y : step = %y
table @e.weight : real[1,1]
  1.5
table @e.bias : real[1]
  0.5
"""
    before = parse(text)
    assert canonicalise(before) == before


def test_a_mean_that_is_the_answer_is_a_sum_marked_as_mean() -> None:
    text = BEFORE.replace("output y : last = %logits", "output y : last = %mean")
    before = parse(text)
    after = canonicalise(before)
    assert [(o.value, o.mean) for o in after.outputs] == [("g", False), ("total", True)]
    assert_same_answers(before, after, to_real(sensor_samples(2)))


@pytest.mark.parametrize(
    "head",
    [
        '%act : f64[3] = activation %logits kind=relu from "head"\noutput y : last = %act',
        '%act : f64[2] = activation %mean kind=relu from "head"\noutput y : last = %act',
    ],
)
def test_a_deeper_head_after_the_mean_is_refused(head: str) -> None:
    lines = BEFORE.replace("output y : last = %logits", "").replace("next %total =", f"{head}\nnext %total =", 1)
    ops = [line for line in lines.splitlines() if not line.startswith("output")]
    ops += [line for line in lines.splitlines() if line.startswith("output")]
    with pytest.raises(UnsupportedModelError, match=r"the mean over time \(pool\) must be the answer or go straight"):
        canonicalise(parse("\n".join(ops)))


def test_derived_names_step_aside_for_names_that_exist() -> None:
    text = """
graph t : float
%u : f64[2] = input
%g : f64[1] = glu %u
%g_value : f64[1] = activation %g kind=tanh
%g_gate : f64[1] = scale %g_value factor=2.0
output y : step = %g_gate
"""
    before = parse(text)
    after = canonicalise(before)
    assert after["g"].inputs == ("g_value_2", "g_gate_2")
    assert_same_answers(before, after, to_real(sensor_samples(2)))


@pytest.mark.parametrize("states", [[2, 0, 3], [0, 0, 0]])
def test_ragged_and_empty_heads(states: list[int]) -> None:
    before = ragged_graph(states, output="last")
    assert_same_answers(before, canonicalise(before), to_real(sensor_samples(2)))
