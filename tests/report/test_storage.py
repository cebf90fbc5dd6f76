"""Storage: every bit of a small design counted by hand."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from qssmc.frontend import trace
from qssmc.ir import Table, parse
from qssmc.models import ModelConfig
from qssmc.passes.quantise import QuantiseOptions
from qssmc.report import head_count, state_numbers, storage_report
from support.graphs import random_s4d
from support.hand import crossbar, mimo
from support.random_models import compile_stages, ragged_graph, random_model, sensor_samples

TINY = """
graph t : integer
%u : u8[2] = input
%x : ci8[3] = state from "ssm"
%x1 : ci16[3] = shift_left %x amount=@x1.amount from "ssm"
%d : ci16[3] = diag %x lambda_bar=@d.lambda_bar from "ssm"
%bu : ci16[3] = inject %u b_bar=@bu.b_bar heads=@bu.heads from "ssm"
%xs : ci20[3] = add %x1 %d %bu from "ssm"
%xn : ci8[3] = requant %xs multiplier=1 shift=@xn.shift low=-127 high=127 from "ssm"
%y : i20[2] = readout %xn c=@y.c heads=@y.heads channels=2 from "ssm"
%yq : i4[2] = requant %y multiplier=@yq.multiplier shift=20 low=@yq.low high=@yq.high from "ssm"
%act : u3[2] = lut %yq entries=@act.entries first=-8 from "act"
%out : i12[1] = matvec %act weight=@out.weight bias=@out.bias from "decoder"
%all : i12[1] = matvec %act weight=@all.weight bias=@all.bias from "decoder"
next %x = %xn
output y : step = %out
output z : step = %all
table @x1.amount : int[3]
  4 5 6
table @d.lambda_bar : int[3,2] grid width[]=4 scale[]=1.0
  -7 4 -2 0 1 1
table @bu.b_bar : int[3,2] grid width[3,1]=2,3,4 scale[]=1.0
  1 1 2 3 4 0
table @bu.heads : int[3]
  0 0 0
table @xn.shift : int[3]
  4 5 6
table @y.c : int[3,2] grid width[]=4 scale[]=1.0
  4 -3 5 0 1 1
table @y.heads : int[3]
  0 0 0
table @yq.multiplier : int[2]
  20000 17000
table @yq.low : int[2]
  -8 -3
table @yq.high : int[2]
  7 12
table @act.entries : int[16] grid width[]=3 scale[]=1.0
  0 0 0 0 0 0 0 0 0 1 1 2 2 3 3 4
table @out.weight : int[1,2] grid width[]=5 scale[]=1.0
  15 -16
table @out.bias : int[1] grid width[]=9 scale[]=1.0
  -200
table @all.weight : int[1,2]
  3 -2
table @all.bias : int[1]
  0
"""
BY_HAND = {
    "exponents": 3 * 2,  # amounts 4, 5 and 6: 2 bits say how much above 4; the shifts are the same table
    "poles": 6 * 4,
    "input weights": 2 * (2 + 3 + 4),
    "widths": 3 * 2,  # of the input weights: 2, 3 and 4, a state of one head each
    "head sizes": 2 * 2,  # 3 and 0 states: 2 bits each; the readout's are the same
    "output weights": 6 * 4,
    "multipliers": 2 * 15,
    "zero points": 2 * 4,  # -8..-3: 4 bits; high follows from low
    "lookup tables": 16 * 3,
    "weights": 2 * 5 + 2 * 3,  # without a grid: what -2..3 needs
    "biases": 9,  # a bias of zeros is no table
    "state": 6 * 8,
}


def test_every_bit_by_hand() -> None:
    report = storage_report(parse(TINY), 50, 8)
    assert report["bits_by_kind"] == BY_HAND
    assert report["state_bits"] == 48
    assert report["parameter_bits"] == sum(BY_HAND.values()) - 48
    assert report["total_bytes"] == (sum(BY_HAND.values()) + 7) // 8
    assert report["float32_bytes"] == 4 * (50 + 8)
    assert report["times_smaller"] == round(32 * 58 / sum(BY_HAND.values()), 2)
    assert report["parameters_times_smaller"] == round(32 * 50 / (sum(BY_HAND.values()) - 48), 2)
    assert report["state_times_smaller"] == round(32 * 8 / 48, 2)
    assert report["state_bits_by_head"] == {"x": [{"states": 3, "mean_bits": 8.0}, {"states": 0, "mean_bits": 0.0}]}


def test_parts_add_up_and_name_their_place() -> None:
    report = storage_report(parse(TINY), 50, 8)
    parts = {part["name"]: part for part in report["parts"]}
    assert sum(part["bits"] for part in parts.values()) == report["parameter_bits"] + report["state_bits"]
    assert parts["bu.b_bar"] == {
        "name": "bu.b_bar",
        "origin": "ssm",
        "kind": "input weights",
        "elements": 6,
        "bits": 18,
        "narrowest": 2,
        "mean_bits": 3.0,
        "widest": 4,
    }
    assert parts["x"]["kind"] == "state"
    assert not {"y.heads", "all.bias", "yq.high", "xn.low", "xn.shift"} & set(parts)


@pytest.mark.parametrize(
    ("states", "bits"), [([2, 2, 2], 0), ([2, 0, 1], 3 * 2), ([1, 1, 0], 3), ([4, 0], 2 * 3), ([0, 0], 0)]
)
def test_head_sizes_count_where_heads_are_ragged(states: list[int], bits: int) -> None:
    graph = compile_stages(ragged_graph(states), QuantiseOptions(), sensor_samples(2))["prove"]
    assert storage_report(graph, 1, 1)["bits_by_kind"].get("head sizes", 0) == bits


def test_phase_indices_and_an_empty_plane() -> None:
    """16 bits of phase, 2 bits for each of two chosen channels out of four, and no bits for an im that is all 0."""
    options = QuantiseOptions(dither=True)
    graph = compile_stages(ragged_graph([2, 3], indices=[3, 1]), options, sensor_samples(2))["prove"]
    report = storage_report(graph, 1, 1)
    parts = {part["name"]: part for part in report["parts"]}
    assert (parts["phase"]["kind"], parts["phase"]["bits"]) == ("state", 16)
    assert (parts["left.indices"]["kind"], parts["left.indices"]["bits"]) == ("chosen channels", 2 * 2)
    assert parts["bu.b_bar"]["bits"] == 8 * 5 * 2
    real = replace(graph["bu"], b_bar=Table(graph["bu"].b_bar.data * [1, 0], graph["bu"].b_bar.grid))
    halved = graph.with_ops(real if op.name == "bu" else op for op in graph.ops)
    assert {part["name"]: part for part in storage_report(halved, 1, 1)["parts"]}["bu.b_bar"]["bits"] == 8 * 5


def clamped(lows: str, highs: str, heads: str = "0 0 0") -> dict[str, dict[str, Any]]:
    """Parts of the small design with other clamps on its three states."""
    text = TINY.replace("low=-127 high=127", "low=@xn.low high=@xn.high").replace(
        "int[3]\n  0 0 0", f"int[3]\n  {heads}"
    ) + (f"table @xn.low : int[3]\n  {lows}\ntable @xn.high : int[3]\n  {highs}\n")
    return {part["name"]: part for part in storage_report(parse(text), 1, 1)["parts"]}


def test_state_bits_cost_a_field_a_state_or_a_head() -> None:
    """8 and 12 bits: how much above 8, in 3 bits; a head where its states agree, else a state."""
    parts = clamped("-127 -2047 -127", "127 2047 127")
    assert parts["x"]["bits"] == 2 * (8 + 12 + 8)
    assert (parts["x"]["narrowest"], parts["x"]["mean_bits"], parts["x"]["widest"]) == (8, 9.333, 12)
    assert (parts["xn.width"]["kind"], parts["xn.width"]["bits"]) == ("widths", 3 * 3)
    parts = clamped("-127 -127 -2047", "127 127 2047", "0 0 1")
    assert parts["x"]["bits"] == 2 * (8 + 8 + 12)
    assert parts["xn.width"]["bits"] == 2 * 3
    parts = clamped("-127 -127 -255", "127 127 255")
    assert parts["xn.width"]["bits"] == 3 * 1


def test_clamps_off_the_middle_cost_their_zero_points_too() -> None:
    assert "xn.width" not in clamped("-127 -127 -127", "127 127 127")
    parts = clamped("-8 -3 0", "7 12 127")  # 4, 4 and 7 bits from -8, -3 and 0
    assert parts["x"]["bits"] == 2 * (4 + 4 + 7)
    assert (parts["xn.width"]["bits"], parts["xn.low"]["bits"]) == (3 * 2, 3 * 4)
    parts = clamped("-8 -8 -8", "100 12 127")  # no whole numbers of bits: low is a literal, high a whole number
    assert (parts["xn.high"]["kind"], parts["xn.high"]["bits"]) == ("zero points", 3 * 7)
    assert not {"xn.low", "xn.width"} & set(parts)


def test_states_out_of_order_name_their_heads() -> None:
    assert clamped("-127 -127 -127", "127 127 127", "0 1 0")["bu.heads"]["bits"] == 3 * 1
    assert clamped("-127 -127 -127", "127 127 127", "0 1 1")["bu.heads"]["bits"] == 2 * 1


@pytest.mark.parametrize(
    ("width", "shape", "heads", "bits", "field"),
    [
        ("4", "", "0 0 0", 6 * 4, 0),
        ("4,4,6", "3,1", "0 0 1", 2 * (4 + 4 + 6), 2 * 2),
        ("4,6,4", "3,1", "0 0 1", 2 * (4 + 6 + 4), 3 * 2),
        ("4,5,4,5,4,5", "3,2", "0 0 1", 3 * (4 + 5), 6 * 1),
        ("5,5,5,5,5,5", "3,2", "0 0 1", 6 * 5, 0),
    ],
)
def test_widths_of_poles_may_differ(width: str, shape: str, heads: str, bits: int, field: int) -> None:
    old = "table @d.lambda_bar : int[3,2] grid width[]=4"
    text = TINY.replace(old, f"table @d.lambda_bar : int[3,2] grid width[{shape}]={width}")
    text = text.replace("int[3]\n  0 0 0", f"int[3]\n  {heads}")
    parts = {part["name"]: part for part in storage_report(parse(text), 1, 1)["parts"]}
    assert parts["d.lambda_bar"]["bits"] == bits
    assert parts.get("d.lambda_bar.width", {"bits": 0})["bits"] == field


def test_published_accounting_reproduces_the_published_figures() -> None:
    """S4D-16 of 32 states: 82.96 % at W4A6 with poles and states of 8 bits, 73.54 % at 16; 76.55 % at W8A8."""
    heads, states = 16, 16 * 32
    parameters, numbers = 2 * heads**2 + 208 * heads + 10, 2 * states + heads + 1
    for bits, published in (((4, 6, 8, 8), 82.96), ((4, 6, 16, 16), 73.54), ((8, 8, 8, 8), 76.55)):
        model = random_model(ModelConfig(d_model=heads, d_state=32, d_output=10))
        stages = compile_stages(trace(model, 1), QuantiseOptions("qssm", *bits), sensor_samples(1))
        found = storage_report(stages["prove"], parameters, numbers, heads)["published"]
        assert found["float32_bits"] == 32 * (2 * heads**2 + 307 * heads + 10)
        w, a, x, pole = bits
        by_hand = w * (2 * heads**2 + 140 * heads) + a * 32 * heads + (x + pole) * 64 * heads
        assert found["bits"] == by_hand
        assert found["saving_percent"] == round(100 - 100 * by_hand / found["float32_bits"], 2)
        assert found["formula_saving_percent"] == pytest.approx(published, abs=0.15)
        assert storage_report(stages["prove"], parameters + 1, numbers)["published"]["formula_saving_percent"] is None


def test_float_side_is_that_of_the_model_before_pruning() -> None:
    graph = trace(random_model(ModelConfig(d_model=3, d_state=2, d_output=4)), 1)
    assert (state_numbers(graph), head_count(graph)) == (3 * 2 * 2 + 3 + 1, 3)
    integer = compile_stages(graph, QuantiseOptions(dither=True), sensor_samples(1))["prove"]
    assert state_numbers(integer) == state_numbers(graph) + 1
    assert storage_report(integer, 100, 16)["float32_bytes"] == 4 * 116


def test_weights_have_the_bits_that_were_asked_for() -> None:
    config = ModelConfig(d_model=3, d_state=2, d_output=4)
    graph = compile_stages(trace(random_model(config), 1), QuantiseOptions("qssm", 5, 7, 9, 11), sensor_samples(1))[
        "prove"
    ]
    found = storage_report(graph, 1, 1)["bits_by_kind"]
    assert found["poles"] == 11 * 3 * 2 * 2
    assert found["input weights"] == found["output weights"] == 5 * 3 * 2 * 2
    assert found["factors"] == 5 * 3
    assert found["weights"] == 5 * (3 * 1 + 6 * 3 + 4 * 3)
    by_name = {part["name"]: part for part in storage_report(graph, 1, 1)["parts"]}
    # The decoder's bias is a matvec of the step counter at 16 bits.
    assert (by_name["decoder_bias.weight"]["kind"], by_name["decoder_bias.weight"]["bits"]) == ("biases", 16 * 4)
    assert storage_report(graph, 1, 1)["parts"][-3]["bits"] == 9 * 3 * 2 * 2


@pytest.mark.parametrize("graph", [random_s4d([3, 2, 4]), random_s4d([0, 0]), mimo(), crossbar()], ids=lambda g: g.name)
def test_every_kind_of_graph_can_be_counted(graph) -> None:  # type: ignore[no-untyped-def]
    report = storage_report(graph, 10, 10)
    states = {op.name for op in graph.states if op.type.shape[0]}
    assert states <= {part["name"] for part in report["parts"]}
    assert all(part["bits"] >= 0 for part in report["parts"])
    assert sum(report["bits_by_kind"].values()) == report["parameter_bits"] + report["state_bits"]
