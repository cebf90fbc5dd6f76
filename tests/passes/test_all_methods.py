"""All methods together on random models: every stage sound, and the emitted C the same as golden, op by op."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import Phase, given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from qssmc.analysis.dead_heads import dead_head_sentences, dead_heads
from qssmc.frontend import trace
from qssmc.ir import Graph
from qssmc.passes.methods import DEFAULT, FULL, Methods
from qssmc.passes.quantise import QuantiseOptions
from support.emitted import compare_every_op, compare_outputs
from support.random_models import (
    assert_sound,
    compile_stages,
    configs,
    mimo_graph,
    outputs_of,
    ragged_graph,
    random_model,
    sensor_samples,
)

FEW = QuantiseOptions(weight_bits=4, activation_bits=6, state_bits=8, a_bits=8, dither=True)
MANY = QuantiseOptions(weight_bits=10, activation_bits=12, state_bits=14, a_bits=14, dither=True)
QUICK = [Phase.explicit, Phase.generate]  # a failing pipeline takes long to shrink


def stages(graph: Graph, options: QuantiseOptions, methods: Methods, samples: NDArray[np.int64]) -> dict[str, Graph]:
    found = compile_stages(graph, options, samples, methods)
    assert_sound(found, samples)
    return found


@settings(max_examples=12, phases=QUICK)
@given(
    configs(("none", "batch")),
    st.integers(0, 3),
    st.sampled_from([FULL, DEFAULT, replace(FULL, states=1.0, fill=3), replace(FULL, bits_by="mixed", input_bits=5)]),
)
def test_random_models(config: Any, seed: int, methods: Methods) -> None:
    samples = sensor_samples(config.d_input, seed, batch=4, length=60)
    stages(trace(random_model(config, seed), config.d_input), FEW, methods, samples)


@pytest.mark.parametrize(
    ("graph", "methods"),
    [
        (ragged_graph([3, 1, 2], seed=1), FULL),
        (ragged_graph([4, 0, 2], seed=2, output="last"), replace(FULL, states=1.5)),
        (ragged_graph([2, 2, 3, 3], seed=3, output="last"), replace(FULL, heads=2, states=1.0, bits_by="mixed")),
        (ragged_graph([2, 3], seed=4, indices=[2, 0]), replace(FULL, fill=2, bits_by="head")),
        (mimo_graph(4, 2), replace(FULL, fill=0)),
    ],
)
def test_c_is_golden(graph: Graph, methods: Methods, tmp_path: Path) -> None:
    d_input = graph.ops[0].type.shape[0]
    samples = sensor_samples(d_input, batch=6, length=60)
    integer = stages(graph, FEW, methods, samples)["prove"]
    compare_every_op(integer, tmp_path / "traced", steps=40)
    compare_outputs(integer, tmp_path / "plain", steps=40)


@pytest.mark.parametrize("output", ["step", "last"])
def test_many_bits_are_near_the_float_model(output: str) -> None:
    """A bug in any method shows as an error far above the rounding that so many bits leave."""
    graph = ragged_graph([3, 2, 4], seed=5, output=output)
    samples = sensor_samples(2, batch=8, length=80)
    found = stages(graph, MANY, FULL, samples)
    wanted, got = outputs_of(found["float"], samples)["y"], outputs_of(found["prove"], samples)["y"]
    got = got / samples.shape[1] if output == "last" else got  # integers decide by the sum, which is n times the mean
    assert np.mean((got - wanted) ** 2) < 1e-4 * np.var(wanted)


@pytest.mark.parametrize("value", [0, 255])
def test_calibration_that_never_moves(value: int) -> None:
    """Nothing can be learnt from it, but what is made is sound, and the silent heads are told."""
    samples = np.full((2, 40, 2), value)
    found = stages(ragged_graph([2, 1], seed=6), FEW, FULL, samples)
    if value == 0:
        assert all(len(heads) == 0 for heads in dead_heads(found["calibrate"]).values())  # the bias drives them
    varied = sensor_samples(2, 9, batch=2, length=40)
    assert_sound({"prove": found["prove"]}, varied)


def test_heads_that_never_fire_are_named() -> None:
    graph = ragged_graph([2, 1], seed=6)
    (encoder,) = (op for op in graph.ops if op.name == "encoder")
    weight, bias = encoder.weight.data.copy(), encoder.bias.data.copy()  # type: ignore[attr-defined]
    weight[1], bias[1] = 0.0, 0.0
    table = type(encoder.weight).real  # type: ignore[attr-defined]
    quiet = replace(encoder, weight=table(weight), bias=table(bias))  # type: ignore[call-arg]
    graph = graph.with_ops(quiet if op.name == "encoder" else op for op in graph.ops)
    found = stages(graph, FEW, FULL, sensor_samples(2, batch=3, length=40))
    (sentence,) = dead_head_sentences(found["calibrate"])
    assert "1 head never fires" in sentence
    assert "(1)" in sentence
