"""The ONNX target under ONNX Runtime against the golden model: every op, every step, and whole sequences as a Scan."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import onnx
import pytest

from qssmc.backends.onnx import emit
from qssmc.backends.onnx.models import last_model, sequence_model, step_model
from qssmc.backends.onnx.nodes import numpy_helper, parts
from qssmc.errors import UnsupportedModelError
from qssmc.frontend import trace
from qssmc.ir import Graph
from qssmc.ir.ops import Cast
from qssmc.models import ModelConfig
from qssmc.passes.canonicalise import canonicalise
from qssmc.passes.discretize import discretize
from qssmc.passes.methods import FULL
from qssmc.passes.prove import prove
from qssmc.passes.quantise import QuantiseOptions
from qssmc_sim import Machine, run
from qssmc_sim.emitted_onnx import EmittedOnnx
from support import hand
from support.emitted import by_hand, shifted_sum
from support.graphs import random_s4d
from support.one_op import MNEMONICS, extreme_samples, one_op
from support.random_models import compile_stages, ragged_graph, random_model, sensor_samples, to_real


def write(graph: Graph, folder: Path) -> Path:
    models = {"step": step_model, "sequence": sequence_model, **({"last": last_model} if graph.last_ops else {})}
    for what, make in models.items():
        (folder / f"{what}.onnx").write_bytes(make(graph).SerializeToString())
    return folder


def compare(graph: Graph, folder: Path, steps: int = 8) -> None:
    """Every value of every step and of the closing, then the outputs of the Scan."""
    folder.mkdir(exist_ok=True)
    samples = extreme_samples(graph, 7, 4, steps)
    golden, emitted = Machine(graph, len(samples)), EmittedOnnx(write(graph, folder), graph)
    emitted.reset(len(samples))
    for t in range(steps):
        same(golden.step(samples[:, t]), emitted.step_batch(samples[:, t]))
    same(golden.last(), emitted.last_batch())
    same(run(graph, samples).outputs, emitted.run(samples))


def same(wanted: Any, got: Any) -> None:
    assert set(wanted) == set(got)
    for name, values in wanted.items():
        assert got[name].shape == values.shape, name
        assert np.array_equal(got[name], values), name


VARIANTS: list[dict[str, Any]] = [
    {"states": [8] * 16},
    {"states": [3, 0, 5, 2], "layers": 2, "norm": True},
    {"states": [3, 0, 5, 2], "multiplier": True, "increment": False},
    {"states": [3, 0, 5, 2], "output": "step", "d_input": 3},
    {"states": [3, 0, 5, 2], "dither": True},
    {"states": [6, 4, 4], "state_bits": 16, "norm": True, "multiplier": True},
]


@pytest.mark.parametrize("variant", VARIANTS)
def test_random_models_equal_golden(variant: dict[str, Any], tmp_path: Path) -> None:
    compare(random_s4d(**variant, seed=3), tmp_path)


@pytest.mark.parametrize(
    "graph", [*by_hand(), hand.mimo(), hand.crossbar(), hand.delay_line(), hand.dithered()], ids=lambda g: g.name
)
def test_hand_written_graphs_equal_golden(graph: Graph, tmp_path: Path) -> None:
    compare(graph, tmp_path)


@pytest.mark.parametrize("mnemonic", MNEMONICS)
def test_each_op_equals_golden(mnemonic: str, tmp_path: Path) -> None:
    for seed in range(6):
        graph = prove(one_op(mnemonic, seed))
        if all(0 not in op.type.shape for op in graph.ops):
            compare(graph, tmp_path / str(seed), steps=3)


def random_float() -> Graph:
    """A graph of the discrete stage that closes the sequence."""
    return discretize(canonicalise(ragged_graph([2, 1], output="last")))


@pytest.mark.parametrize("output", ["step", "last"])
def test_the_float_step_is_that_of_the_float_graph(output: str, tmp_path: Path) -> None:
    import onnxruntime

    graph = discretize(canonicalise(ragged_graph([2, 0, 1], output=output)))
    samples = np.random.default_rng(0).normal(size=(3, 5, 2))
    machine = Machine(graph, 3)
    step = onnxruntime.InferenceSession(step_model(graph).SerializeToString())
    names = [value.name for value in step.get_outputs()]
    states = {value.name: np.zeros((3, value.shape[1])) for value in step.get_inputs() if value.name != "u"}
    for t in range(5):
        golden = machine.step(samples[:, t])
        found = dict(zip(names, step.run(names, {"u": samples[:, t], **states}), strict=True))
        states = {name: found[f"{name}:next"] for name in states}
        if output == "step":
            assert np.allclose(found["output:y"], golden[graph.outputs[0].value], atol=1e-6)
        assert np.allclose(states["x.re"], machine.states["x"][..., 0], atol=1e-6)
    if output == "last":
        closing = onnxruntime.InferenceSession(last_model(graph).SerializeToString())
        given = {value.name: states[value.name] for value in closing.get_inputs()}
        (found_y,) = closing.run(["output:y"], given)
        assert np.allclose(found_y, machine.last()[graph.outputs[0].value], atol=1e-6)


@pytest.mark.parametrize("dither", [False, True])
@pytest.mark.parametrize(("norm", "share"), [("none", 0.9), ("layer", 0.65)])
def test_the_qdq_step_stays_near_the_integers(norm: str, share: float, dither: bool) -> None:
    """Most outputs of 60 steps are the same numbers: float32 rounds few sums to the other side of a step."""
    import onnxruntime

    config = ModelConfig(d_input=2, d_model=6, d_state=4, n_layers=2, d_output=4, norm=norm, output="step")
    samples = sensor_samples(2, length=60)
    options = QuantiseOptions(dither=dither, max_steps=100)
    stages = compile_stages(trace(random_model(config), 2, "m"), options, samples, FULL)
    quantised, integer = stages["refit"], stages["prove"]
    step = onnxruntime.InferenceSession(step_model(quantised).SerializeToString())
    names = [value.name for value in step.get_outputs()]
    states = {v.name: np.zeros((3, v.shape[1]), np.float32) for v in step.get_inputs() if v.name != "u"}
    machine, (y,) = Machine(integer, 3), integer.outputs
    wanted, found = [], []
    for t in range(60):
        given = {"u": to_real(samples)[:, t].astype(np.float32), **states}
        values = dict(zip(names, step.run(names, given), strict=True))
        states = {name: values[f"{name}:next"] for name in states}
        wanted.append(machine.step(samples[:, t])[y.value] * integer.scales[y.value].data)
        found.append(values["output:y"])
    error = np.abs(np.array(found) - np.array(wanted)) / np.abs(wanted).max()
    assert error.max() < 0.02
    assert (error < 1e-6).mean() > share


def test_the_qdq_step_quantises_where_the_design_does() -> None:
    stages = compile_stages(ragged_graph([2, 1]), QuantiseOptions(), sensor_samples(2))
    quantised, integer = stages["quantise"], stages["prove"]
    model = step_model(quantised)
    casts = [op for op in quantised.ops if isinstance(op, Cast)]
    made = {node.output[0]: node for node in model.graph.node}
    for op in casts:
        for name in (op.name + part for part in parts(op)):
            back = made[name]
            assert back.op_type == "DequantizeLinear", name
            assert made[back.input[0]].op_type == "QuantizeLinear"
    tables = {table.name: numpy_helper.to_array(table) for table in model.graph.initializer}
    weight = tables["encoder.weight.q"]
    assert np.array_equal(weight.T, integer["encoder"].weight.data)
    assert weight.dtype == np.int8
    scale = made["encoder:1"]
    assert (scale.op_type, scale.input[0]) == ("DequantizeLinear", "encoder.weight.q")
    emitted = emit(integer, stages["discretize"], quantised)
    assert emitted["onnx/qdq_step.onnx"] == model.SerializeToString(deterministic=True)
    onnx.checker.check_model(onnx.load_from_string(emitted["onnx/qdq_step.onnx"]), full_check=True)


def test_qdq_weights_are_the_integers_of_their_grid() -> None:
    """Scales of the published scheme are no powers of two: a weight over its scale is an integer but for rounding."""
    stages = compile_stages(ragged_graph([2, 1]), QuantiseOptions(scheme="zhao"), sensor_samples(2))
    quantised = stages["quantise"]
    tables = {t.name: numpy_helper.to_array(t) for t in step_model(quantised).graph.initializer}
    pairs = quantised["cx"].c.on_grid()
    wanted = {
        "encoder.weight.q": quantised["encoder"].weight.on_grid().T,
        "decoder.weight.q": quantised["decoder"].weight.on_grid().T,
        "cx.c.re.q": pairs[..., 0],
        "cx.c.im.q": pairs[..., 1],
    }
    for name, integers in wanted.items():
        assert np.array_equal(tables[name].ravel(), integers.ravel()), name


def test_empty_vectors_are_refused() -> None:
    with pytest.raises(UnsupportedModelError, match="l0_x"):
        emit(random_s4d([0, 0]), random_float())


def test_the_same_graph_gives_the_same_bytes() -> None:
    graph = random_s4d([2, 3])
    assert emit(graph, random_float()) == emit(graph, random_float())
    assert set(emit(graph, random_float())) == {
        f"onnx/{what}.onnx" for what in ("step", "last", "sequence", "float_step", "float_last")
    }


def test_trees_of_sums_and_shifts_equal_golden(tmp_path: Path) -> None:
    for seed in range(15):
        compare(shifted_sum(seed), tmp_path / str(seed), steps=3)
