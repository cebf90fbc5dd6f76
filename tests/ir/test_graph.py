"""Graphs: what they can say, and what they answer about themselves."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given

from qssmc.ir import Builder, Grid, Table, Type, parse, print_graph, verify
from qssmc.ir.ops import Input, Mul, State
from support.graphs import random_s4d
from support.hand import crossbar, delay_line, float_model, mimo
from support.one_op import seeds


def test_several_layers_and_multi_channel_input() -> None:
    graph = random_s4d([2, 1], layers=3, d_input=4, norm=True)
    assert [str(op.type) for op in graph.inputs] == ["u8[4]"]
    assert [op.name for op in graph.states] == ["l0_x", "l1_x", "l2_x", "total", "steps"]
    assert sum(op.mnemonic == "normalize" for op in graph.ops) == 3


def test_ragged_and_empty_heads() -> None:
    graph = random_s4d([3, 0, 1])
    (inject,) = (op for op in graph.ops if op.mnemonic == "inject")
    assert inject.heads.data.tolist() == [0, 0, 0, 2]  # type: ignore[attr-defined]
    assert [graph[name].type.shape for name in ("l0_x", "l0_cx")] == [(4,), (3,)]


def test_step_and_last_outputs_in_one_graph() -> None:
    graph = float_model()
    assert [(output.name, output.when) for output in graph.outputs] == [("trace", "step"), ("mean", "last")]
    assert {op.name for op in graph.last_ops} == {"total", "count", "pooled"}
    assert {op.name for op in graph.ops} - {op.name for op in graph.step_ops} == {"pooled"}


def test_mimo_and_crossbar_forms() -> None:
    assert mimo()["bu"].heads is None  # type: ignore[attr-defined]
    assert {"xbar", "slice", "pair", "unpair", "concat"} <= {op.mnemonic for op in crossbar().ops}


def test_operands_users_and_needed() -> None:
    graph = delay_line()
    assert [op.name for op in graph.operands(graph["line_n"])] == ["now", "then"]
    assert [op.name for op in graph.users["line"]] == ["first", "old"]
    assert graph.needed(["then"]) == {"then", "first", "line"}


def test_an_operand_read_twice_has_one_user() -> None:
    b = Builder("square", "integer")
    b.input("u", Type((1,), 4))
    b.output("y", b.add(Mul(), "y", "u", "u"), "step")
    assert [op.name for op in b.graph().users["u"]] == ["y"]


@given(seed=seeds())
def test_order_is_topological_and_the_dag_has_no_cycle(seed: int) -> None:
    graph = random_s4d([1, 2], seed=seed)
    place = {op.name: i for i, op in enumerate(graph.ops)}
    assert all(place[a] < place[b] for a, b in graph.dag().edges)
    assert all(not graph[name].inputs for name in place if isinstance(graph[name], (Input, State)))


def test_dead_ops_go_with_their_notes_and_inputs_stay() -> None:
    text = """graph dead : integer
%u : u4[1] = input
%v : i9[1] = scale %u factor=2
%w : i9[1] = constant value=@w.value
output y : step = %w
table @w.value : int[1]
  3
scale %v : real[]
  0.5
scale %w : real[]
  0.25
"""
    graph = verify(parse(text)).without_dead_ops()
    assert [op.name for op in graph.ops] == ["u", "w"]
    assert set(graph.scales) == {"w"}
    assert graph.without_dead_ops() == graph


def test_graphs_and_tables_cannot_be_changed() -> None:
    graph = mimo()
    with pytest.raises(TypeError, match="does not support item assignment"):
        graph.updates["x"] = "bu"  # type: ignore[index]
    with pytest.raises(ValueError, match="read-only"):
        graph["ax"].lambda_bar.data[0, 0] = 9  # type: ignore[attr-defined]
    mine = np.array([1, 2])
    table = Table.integer(mine)
    mine[0] = 7
    assert table.data.tolist() == [1, 2]


def test_tables_compare_by_bits_and_know_their_storage() -> None:
    table = Table.real([0.5, -0.25], Grid.of(0.25, [3, 4]))
    assert table == Table.real([0.5, -0.25], Grid.of(0.25, [3, 4]))
    assert hash(table) == hash(Table.real([0.5, -0.25], Grid.of(0.25, [3, 4])))
    assert table != Table.real([0.5, -0.25])
    assert Table.real(0.0) != Table.real(-0.0)
    assert Table.real([1.0]) != Table.integer([1])
    assert (table.on_grid().tolist(), table.stored_bits(), Table.real([1.0, 2.0]).stored_bits()) == ([2, -1], 7, 64)
    assert Table.real([1 + 2j]).data.tolist() == [[1.0, 2.0]]
    assert Table.real([1 + 2j]).as_complex().tolist() == [1 + 2j]
    with pytest.raises(TypeError, match="an integer table cannot hold float64"):
        Table.integer([1.0])
    with pytest.raises(ValueError, match="the table has no grid"):
        Table.real([1.0]).on_grid()


def test_printing_twice_gives_the_same_text() -> None:
    assert print_graph(random_s4d([2, 3], seed=4)) == print_graph(random_s4d([2, 3], seed=4))
