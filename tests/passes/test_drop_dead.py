"""Drop dead: what nothing reads is removed, no answer changes by a bit, and nothing removable is left."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from qssmc.ir import Graph, Table, Type, parse, print_graph, verify
from qssmc.ir.ops import Matvec, Readout, Slice, Take
from qssmc.models import ModelConfig
from qssmc.passes.canonicalise import canonicalise
from qssmc.passes.discretize import discretize
from qssmc.passes.prune import drop_dead
from qssmc_sim import run
from support.layers import LAYER, discrete, layer, reals
from support.random_models import configs, mimo_graph, ragged_graph

DELAY = """
graph t : discrete
%u : f64[1] = input
%z : f64[2] = state
%e : f64[2] = matvec %u weight=@e.weight bias=@e.bias
%late : f64[1] = matvec %z weight=@late.weight bias=@late.bias
%now : f64[1] = matvec %e weight=@now.weight bias=@late.bias
%y : f64[1] = add %late %now
next %z = %e
output y : step = %y
table @e.weight : real[2,1]
  1.0 2.0
table @e.bias : real[2]
  0.5 0.25
table @late.weight : real[1,2]
  0.0 3.0
table @late.bias : real[1]
  0.0
table @now.weight : real[1,2]
  1.0 1.0
"""


def assert_same(before: Graph, after: Graph, seed: int = 1) -> None:
    """To the last bit: to leave out terms that are zero moves no sum, but a BLAS may add in another order."""
    samples = reals(before, seed).samples
    wanted, found = run(before, samples).outputs, run(after, samples).outputs
    for name, values in wanted.items():
        np.testing.assert_allclose(found[name], values, rtol=1e-13, atol=1e-13)


def test_text_before_and_after(golden: Callable[[str, str], None]) -> None:
    """The second head is not read, nor the second state of the first."""
    before = layer(out_weight="1.0 0.0 0.25 0.0", cx_c="1.0 0.5 0.0 0.0 2.0 1.0")
    after = drop_dead(before)
    golden("drop_dead.ir", print_graph(after))
    assert_same(before, after)


@pytest.mark.parametrize(
    "graph",
    [layer(), discretize(canonicalise(mimo_graph())), discretize(canonicalise(ragged_graph([2, 0, 1], output="last")))],
    ids=["layer", "mimo", "ragged"],
)
def test_nothing_dead_changes_nothing(graph: Graph) -> None:
    assert drop_dead(graph) == graph


def test_kept_notes_go_back_to_the_source_model() -> None:
    once = drop_dead(layer(cx_c="1.0 0.5 0.0 0.0 2.0 1.0"))
    assert {name: table.data.tolist() for name, table in once.kept.items()} == {
        name: [0, 2] for name in ("x", "ax", "bu", "xn")
    }
    readout = once["cx"]
    assert isinstance(readout, Readout)
    c = readout.c.data.copy()
    c[0] = 0.0
    twice = drop_dead(_with(once, replace(readout, c=Table.real(c))))
    assert {twice.kept[name].data.tolist()[0] for name in ("x", "ax", "bu", "xn")} == {2}


def test_a_head_that_stays_beside_one_that_goes_is_renumbered() -> None:
    before = layer(out_weight="0.0 -0.5 0.0 1.5")
    after = drop_dead(before)
    assert after["cx"].type.shape == (1,)
    assert after["e"].type.shape == (1,)
    assert after.kept["act"].data.tolist() == [1]
    assert_same(before, after)


def test_all_states_of_a_layer_may_go() -> None:
    before = layer(cx_c="0.0 0.0 0.0 0.0 0.0 0.0")
    after = drop_dead(before)
    assert after["x"].type.shape == (0,)
    assert_same(before, after)
    assert drop_dead(after) == after


def test_a_matrix_of_zeros_keeps_one_element_of_what_it_reads() -> None:
    before = layer(out_weight="0.0 0.0 0.0 0.0")
    after = drop_dead(before)
    assert [after[name].type.shape for name in ("e", "du", "act", "y", "out")] == [(1,), (1,), (1,), (1,), (2,)]
    assert_same(before, after)
    assert drop_dead(after) == after


def test_a_state_that_becomes_what_others_read_in_full() -> None:
    before = parse(DELAY)
    after = drop_dead(before)
    assert after["z"].type.shape == (1,)
    assert after["e"].type.shape == (2,)
    assert_same(before, after)


@pytest.mark.parametrize("c", ["0.0 0.0 0.0 0.0 2.0 1.0", "0.0 0.0 0.0 0.0 0.0 0.0"])
def test_states_that_a_second_readout_reads(c: str) -> None:
    text = LAYER.replace("next", "%c2 : f64[2] = readout %xn c=@c2.c heads=@bu.heads channels=2\nnext", 1)
    text = text.replace("output y", "output more : step = %c2\noutput y")
    before = parse(text + "table @c2.c : real[3,2]\n  1.0 1.0 2.0 2.0 0.0 0.0\n")
    readout, out = before["cx"], before["out"]
    assert isinstance(readout, Readout)
    assert isinstance(out, Matvec)
    zeros = Table.real(np.array([float(n) for n in c.split()]).reshape(3, 2))
    weight = Table.real(out.weight.data * [0.0, 1.0])
    before = _with(before, replace(readout, c=zeros), replace(out, weight=weight))
    assert_same(before, drop_dead(before))


@settings(max_examples=30)
@given(config=configs(), seed=st.integers(0, 999), share=st.sampled_from([0.3, 0.7, 1.0]))
def test_random_zeros(config: ModelConfig, seed: int, share: float) -> None:
    random = np.random.default_rng(seed)

    def zeroed(data: NDArray[np.float64]) -> Table:
        """Whole columns of a matrix, whole states."""
        keep = random.random(data.shape[1] if data.shape[1] != 2 else len(data)) >= share
        return Table.real(data * (keep if len(keep) == data.shape[1] else keep[:, None]))

    before = discrete(config, seed)
    made = [
        replace(op, c=zeroed(op.c.data)) if isinstance(op, Readout) else replace(op, weight=zeroed(op.weight.data))
        for op in before.ops
        if isinstance(op, (Matvec, Readout))
    ]
    before = _with(before, *made)
    after = drop_dead(before)
    assert_same(before, after, seed)
    assert _sizes(drop_dead(after)) == _sizes(after)
    assert parse(print_graph(after)) == after
    for op in after.ops:
        if isinstance(op, Matvec) and op.weight.shape[1] > 1 and len(after.users[op.inputs[0]]) == 1:
            assert op.weight.data.any(axis=0).all() or after[op.inputs[0]].mnemonic in ("input", "layernorm")
        if isinstance(op, Readout):
            assert op.c.data.any(axis=1).all()


def _sizes(graph: Graph) -> dict[str, Type]:
    """Of all that is no view."""
    return {op.name: op.type for op in graph.ops if not isinstance(op, (Slice, Take))}


def _with(graph: Graph, *made: Matvec | Readout) -> Graph:
    by_name = {op.name: op for op in made}
    return verify(replace(graph, ops=tuple(by_name.get(op.name, op) for op in graph.ops)))
