"""Support: measured for every op, refused in one error, and no emission ends in a KeyError."""

from __future__ import annotations

from dataclasses import dataclass

import pytest

from qssmc.artifact.stages import Stages
from qssmc.backends import c, hls, onnx, verilog
from qssmc.errors import UnsupportedModelError
from qssmc.ir.graph import Graph, Output
from qssmc.ir.ops import OPS, STAGES, Op
from qssmc.ir.ops.op import Still, Types, holding
from qssmc.ir.types import Type
from qssmc.targets.backend import Lowered
from qssmc.targets.emission import check_supported, emit_targets
from qssmc.targets.one_op import one_op
from qssmc.targets.registry import BACKENDS
from qssmc.targets.support import SAMPLES, lowered_alone, measured_support


@dataclass(frozen=True)
class Cube(Still):
    """x ** 3, which no backend knows."""

    mnemonic = "cube"
    stages = ("integer",)
    nature = "nonlinear"
    analog = "digital"
    granularity = "channel"
    holds = holding()

    def rule(self, operands: Types) -> Type:
        return operands[0]


def cubed() -> Graph:
    """Two ops that no backend knows."""
    graph = one_op(STAGES["integer"][0])
    u = graph.inputs[0]
    ops = (
        Cube(name="a", type=u.type, inputs=("u",), origin="block.act"),
        Cube(name="b", type=u.type, inputs=("a",)),
    )
    return Graph(graph.name, "integer", (u, *ops), {}, (Output("y", "b", "step"),))


def test_every_integer_op_is_emitted_by_every_target_today() -> None:
    measured = measured_support()
    assert list(measured) == [op.mnemonic for op in OPS]
    for op in OPS:
        assert set(measured[op.mnemonic].values()) == {op in STAGES["integer"]}, op.mnemonic


@pytest.mark.parametrize("op", STAGES["integer"], ids=lambda op: op.mnemonic)
@pytest.mark.parametrize("backend", BACKENDS.values(), ids=list(BACKENDS))
def test_the_op_is_in_the_graph_that_is_measured(op: type[Op], backend: object) -> None:
    assert isinstance(backend, type(BACKENDS["c"]))
    graph = lowered_alone(backend, one_op(op, layer=backend.lowering is not None), SAMPLES).golden
    assert any(isinstance(each, op) for each in graph.ops)


def test_an_op_without_an_example_is_named() -> None:
    with pytest.raises(LookupError, match="cube has no example graph"):
        one_op(Cube)


def test_refusals_of_all_ops_and_targets_are_told_at_once() -> None:
    with pytest.raises(UnsupportedModelError) as error:
        emit_targets(["c", "hls", "verilog", "onnx"], Lowered(Stages({"prove": cubed()}), SAMPLES), {})
    told = str(error.value)
    for target, reason in (
        ("c", "has no C form"),
        ("hls", "has no HLS form"),
        ("verilog", "has no cell in the library"),
        ("onnx", "has no operators for integers"),
    ):
        assert f"--target {target}: %a (cube, from block.act) {reason}" in told
        assert f"--target {target}: %b (cube, from nowhere) {reason}" in told
    assert error.value.exit_code == 3


@pytest.mark.parametrize("backend", [c, hls, verilog, onnx], ids=lambda backend: backend.__name__)
def test_a_backend_alone_refuses_too(backend: object) -> None:
    with pytest.raises(UnsupportedModelError, match=r"%a \(cube, from block.act\).*%b \(cube, from nowhere\)"):
        backend.emit(cubed())  # type: ignore[attr-defined]


def test_what_a_target_emits_is_supported() -> None:
    check_supported(["c", "onnx"], Lowered(Stages({"prove": one_op(STAGES["integer"][3])}), SAMPLES))
