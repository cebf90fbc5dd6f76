"""The alignment report: shifts and multiplications that exist only because scales differ."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from qssmc.frontend import trace
from qssmc.ir import Graph, parse
from qssmc.models import ModelConfig
from qssmc.passes.quantise import QuantiseOptions
from qssmc.report import alignment_report
from support.random_models import compile_stages, configs, ragged_graph, random_model, sensor_samples

QUANTISED = "graph t : quantised\n%u : f64[3] = input\n%s : f64[3] = scale %u factor=2.0\noutput y : step = %s\n"
INTEGER = """
graph t : integer
%u : i4[3] = input
%p : ci4[1] = pair %w
%s : i8[3] = scale %u factor=@s.factor
%s_aligned : i12[3] = scale %s factor=@s_aligned.factor from "sum"
%u_aligned : i9[3] = shift_left %u amount=@u_aligned.amount from "sum"
%p_aligned : ci7[1] = shift_left %p amount=3 from "pairs"
%still : i4[3] = shift_left %u amount=0
%t : i13[3] = add %s_aligned %u_aligned
%q : i4[3] = requant %t multiplier=@q.multiplier shift=20 low=-8 high=7 from "sum"
%r : i4[3] = requant %t multiplier=1 shift=9 low=-8 high=7
%v : i6[2] = unpair %p_aligned
output y : step = %q
output z : step = %r
output v : step = %v
output still : step = %still
table @s.factor : int[3]
  1 2 3
table @s_aligned.factor : int[3]
  9 9 9
table @u_aligned.amount : int[3]
  5 0 2
table @q.multiplier : int[3]
  20000 1 17000
""".replace("%p : ci4[1]", "%w : i4[2] = slice %u start=0 stop=2\n%p : ci4[1]")


def test_by_hand() -> None:
    report = alignment_report(parse(QUANTISED), parse(INTEGER))
    rows = {row["op"]: (row["shifts"], row["multiplications"], row["bits"]) for row in report["ops"]}
    assert rows == {
        "s_aligned": (0, 3, 3 * (12 - 8)),
        "u_aligned": (2, 0, 3 * (9 - 4)),
        "p_aligned": (2, 0, 2 * (7 - 4)),
        "q": (0, 2, 0),
    }
    assert (report["shifts_per_step"], report["multiplications_per_step"]) == (4, 5)
    assert report["bits_per_step"] == 12 + 15 + 6
    assert {row["origin"] for row in report["ops"]} == {"sum", "pairs"}


def reported(graph: Graph, options: QuantiseOptions, d_input: int) -> dict[str, Any]:
    stages = compile_stages(graph, options, sensor_samples(d_input))
    return alignment_report(stages["quantise"], stages["prove"])


@settings(max_examples=12)
@given(config=configs(), seed=st.integers(0, 99))
def test_qssm_needs_no_multiplication(config: ModelConfig, seed: int) -> None:
    report = reported(trace(random_model(config, seed), config.d_input), QuantiseOptions(), config.d_input)
    assert report["multiplications_per_step"] == 0
    assert all(row["shifts"] > 0 for row in report["ops"])


@pytest.mark.parametrize("states", [[2, 2], [3, 0, 1]])
def test_zhao_needs_them_in_every_sum_and_cast(states: list[int]) -> None:
    report = reported(ragged_graph(states), QuantiseOptions("zhao"), 2)
    multiplied = {row["op"] for row in report["ops"] if row["multiplications"]}
    assert {"ax_q", "bu_q", "ax_q_aligned", "bu_q_aligned", "xn_q", "cx_aligned", "du_aligned"} <= multiplied
    by_op = {row["op"]: row["multiplications"] for row in report["ops"]}
    assert by_op["xn_q"] == 2 * sum(states)
    assert by_op["du_aligned"] == len(states)
