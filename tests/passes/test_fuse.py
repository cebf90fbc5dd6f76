"""Fused kernels: which forms are bit-exact with the unfused graph, and how far the others can be from it."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from qssmc.analysis.integer_layers import integer_layers
from qssmc.errors import UnsupportedModelError
from qssmc.ir import Graph, Table
from qssmc.ir.ops import Xbar
from qssmc.passes.fuse import Form, Fuse
from qssmc.passes.fuse.forms import RULES
from qssmc.passes.prove import prove
from qssmc_sim import run
from support.arrays import SHAPES, model, samples
from support.graphs import random_s4d
from support.hand import mimo

LATE: list[Form] = ["incremental", "delayed"]
AHEAD: list[Form] = ["incremental-lookahead", "lookahead"]


def layers(shape: str) -> int:
    return len(integer_layers(model(shape)))


@pytest.mark.parametrize("shape", SHAPES)
@pytest.mark.parametrize("form", LATE)
@pytest.mark.parametrize("dense", [False, True], ids=["ssm", "all"])
def test_late_forms_are_bit_exact(shape: str, form: Form, dense: bool) -> None:
    graph = model(shape)
    fused = prove(Fuse(form, dense)(graph))
    for length in (1, 2, 24):
        given = samples(graph, length=length)
        wanted, got = run(graph, given).outputs, run(fused, given).outputs
        for output in graph.outputs:
            if output.when == "last":
                np.testing.assert_array_equal(got[output.name], wanted[output.name])
            else:
                lag = layers(shape)
                kept = max(0, length - lag)
                np.testing.assert_array_equal(got[output.name][:, lag:], wanted[output.name][:, :kept])


@pytest.mark.parametrize("form", list(RULES))
def test_states_are_bit_exact_in_every_form(form: Form) -> None:
    """The state never depends on y of its own layer, so the first layer's states are the same, step by step."""
    graph = model("ragged")
    fused, given = prove(Fuse(form)(graph)), samples(graph)
    seen: dict[str, list[np.ndarray]] = {"a": [], "b": []}
    update = integer_layers(graph)[0].ops.update
    run(graph, given, lambda t, values: seen["a"].append(values[update]) if update in values else None)
    run(fused, given, lambda t, values: seen["b"].append(values[update]) if update in values else None)
    assert len(seen["a"]) == given.shape[1]
    np.testing.assert_array_equal(seen["a"], seen["b"])


@pytest.mark.parametrize("form", AHEAD)
def test_looking_ahead_errs_by_less_than_its_roundings(form: Form) -> None:
    """y differs by the rounding of the state, below one of its units, and of the coefficients, half a unit each."""
    graph = random_s4d([3, 2, 4], seed=3)
    fused, given = prove(Fuse(form)(graph)), samples(graph)
    (kernel,) = integer_layers(graph)
    reach = np.array([256.0] * len(kernel.d))  # of u and of every state lane, generously
    one = np.abs(kernel.c).sum(axis=1)
    coefficients = 2.0 * reach * np.array([1 + 2 * (kernel.heads == head).sum() for head in range(len(kernel.d))])
    limit = np.bincount(kernel.heads, one, len(kernel.d)) + coefficients
    seen: dict[str, list[np.ndarray]] = {"a": [], "b": []}
    run(graph, given, lambda t, v: seen["a"].append(v[kernel.ops.result]) if kernel.ops.result in v else None)
    run(fused, given, lambda t, v: seen["b"].append(v[kernel.ops.result]) if kernel.ops.result in v else None)
    assert (np.abs(np.array(seen["a"]) - np.array(seen["b"])) <= limit).all()


def test_one_product_a_head_and_the_delay_in_sight() -> None:
    fused = Fuse("incremental")(model("ragged"))
    products = [op for op in fused.ops if isinstance(op, Xbar) and "_flush" not in op.name]
    assert [op.name for op in products] == [f"l0_kernel_h{head}" for head in range(3)]
    assert [op.weight.shape for op in products] == [(7, 8), (5, 6), (9, 10)]
    assert {"l0_u_last", "l0_skip_late1"} <= {state.name for state in fused.states}
    assert not any(state.name.endswith("late1") for state in Fuse("lookahead")(model("ragged")).states)


def test_what_cannot_be_fused_is_said() -> None:
    with pytest.raises(
        UnsupportedModelError, match=r"%x .* cannot be fused into arrays: .* that no layer of one input"
    ):
        Fuse()(mimo())
    with pytest.raises(UnsupportedModelError, match=r"rounds with a multiplier.*--form delayed"):
        Fuse()(_with_multiplier())
    Fuse("delayed")(_with_multiplier())


def _with_multiplier() -> Graph:

    graph = model("ragged")
    name = integer_layers(graph)[0].ops.update
    ops = [replace(op, multiplier=Table.integer(3)) if op.name == name else op for op in graph.ops]  # type: ignore[call-arg]
    return graph.with_ops(ops)
