"""The machine: state from step to step, reset, batches, closing, and whole graphs against the exact interpreter."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from qssmc.ir import Graph, Output, parse, verify
from qssmc_sim import Machine, run
from support.exact import run_exact
from support.graphs import random_s4d
from support.hand import crossbar, delay_line, float_model, mimo, random_shapes
from support.one_op import extreme_samples, seeds

COUNTER = """
graph counter : integer
%u : u8[1] = input
%x : u8[1] = state
%s : u9[1] = add %u %x
%n : u8[1] = requant %s multiplier=1 shift=0 low=0 high=255
%twice : u9[1] = scale %x factor=2
next %x = %n
output sum : step = %n
output before : step = %x
output double : last = %twice
"""


def test_state_is_carried_and_reset() -> None:
    machine = Machine(verify(parse(COUNTER)), 1)
    sums = [int(machine.step(np.array([[v]]))["n"][0, 0]) for v in (1, 2, 3)]
    assert sums == [1, 3, 6]
    assert machine.last()["twice"].tolist() == [[12]]
    machine.reset()
    assert int(machine.step(np.array([[5]]))["n"][0, 0]) == 5


def test_outputs_of_a_sequence() -> None:
    outputs = run(parse(COUNTER), np.array([[[1], [2], [3]], [[200], [50], [9]]])).outputs
    assert outputs["sum"].tolist() == [[[1], [3], [6]], [[200], [250], [255]]]
    assert outputs["before"].tolist() == [[[0], [1], [3]], [[0], [200], [250]]]
    assert outputs["double"].tolist() == [[12], [510]]


def test_last_reads_the_states_alone() -> None:
    """Closing needs no sample, may be asked for at any step, and moves nothing."""
    machine = Machine(parse(COUNTER), 2)
    machine.step(np.array([[3], [4]]))
    assert set(machine.last()) == {"x", "twice"}
    assert machine.last()["twice"].tolist() == [[6], [8]]
    assert machine.last()["twice"].tolist() == [[6], [8]]


def test_observer_sees_every_step_and_the_closing() -> None:
    seen: list[tuple[int, set[str]]] = []
    run(parse(COUNTER), np.array([[[1], [2]]]), lambda t, values: seen.append((t, set(values))))
    step = {"u", "x", "s", "n"}
    assert seen == [(0, step), (1, step), (2, {"x", "twice"})]


def test_a_state_may_pass_values_on() -> None:
    outputs = run(delay_line(), np.array([[[1], [2], [3], [-8]]])).outputs
    assert outputs["y"].tolist() == [[[0], [0], [1], [2]]]
    assert outputs["kept"].tolist() == [[-7, 3]]


@pytest.mark.parametrize("graph", [*random_shapes(), mimo(), crossbar()], ids=lambda g: g.name)
def test_graphs_equal_exact(graph: Graph) -> None:
    samples = extreme_samples(graph, 7, batch=3, length=5)
    found = run(graph, samples).outputs
    for b in range(len(samples)):
        wanted = run_exact(graph, samples[b].tolist(), lambda name, value: None)
        assert {name: value[b].tolist() for name, value in found.items()} == wanted


@settings(max_examples=10)
@given(
    seed=seeds(),
    states=st.lists(st.integers(0, 3), min_size=1, max_size=4),
    d_input=st.integers(1, 3),
    output=st.sampled_from(["step", "last"]),
)
def test_a_batch_equals_one_by_one(seed: int, states: list[int], d_input: int, output: str) -> None:
    graph = random_s4d(states, seed=seed, d_input=d_input, d_output=3, output=output)
    samples = extreme_samples(graph, seed, batch=4, length=6)
    together = run(graph, samples).outputs
    for b in range(len(samples)):
        alone = run(graph, samples[b : b + 1]).outputs
        assert {k: v[0].tolist() for k, v in alone.items()} == {k: v[b].tolist() for k, v in together.items()}


def test_a_sequence_may_be_cut_anywhere() -> None:
    """Two runs of a machine without a reset between them are one run."""
    graph = random_s4d([2, 1], output="step", seed=5)
    samples = extreme_samples(graph, 5, batch=2, length=8)
    whole = run(graph, samples).outputs["y"]
    machine = Machine(graph, 2)
    (output,) = graph.outputs
    assert isinstance(output, Output)
    for t in range(8):
        assert machine.step(samples[:, t])[output.value].tolist() == whole[:, t].tolist()


def test_float_graph_against_plain_numpy() -> None:
    """One step of the float ops, written out with complex numbers."""
    u = np.array([0.3, -1.0, 2.0])
    e = np.array([[1.0, -2.0, 0.5], [0.0, 0.25, 1.0]]) @ u + [0.5, -0.5]
    a, dt = np.array([-0.5 + 3j, -0.25 - 1j, -1.0]), np.array([0.1, 0.1, 0.05])
    x = dt / (1 - dt * a / 2) * (1 + 1j) * e[[0, 0, 1]]
    second = np.exp(dt * a) * x + x
    values: list[np.ndarray] = []
    run(float_model(), np.array([[u, u]]), lambda t, v: values.append(v["xn"][0]) if "xn" in v else None)
    np.testing.assert_allclose(values[0][:, 0] + 1j * values[0][:, 1], x, rtol=1e-14)
    np.testing.assert_allclose(values[1][:, 0] + 1j * values[1][:, 1], second, rtol=1e-14)


def test_mean_over_the_steps_in_float() -> None:
    graph = float_model()
    shifted: list[np.ndarray] = []
    samples = np.random.default_rng(0).normal(size=(2, 5, 3))
    result = run(graph, samples, lambda t, v: shifted.append(v["shifted"]) if "shifted" in v else None)
    np.testing.assert_allclose(result.outputs["mean"], np.mean(shifted, axis=0), rtol=1e-14)
    assert result.outputs["trace"].shape == (2, 5, 2)
