"""Effort: every product and every conversion of small designs counted by hand."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from qssmc.crossbar import CrossbarOptions, Read
from qssmc.frontend import trace
from qssmc.ir import Graph, parse
from qssmc.models import ModelConfig
from qssmc.passes.quantise import QuantiseOptions
from qssmc.report import effort_report
from support.arrays import Laid, laid
from support.graphs import random_s4d
from support.hand import crossbar, dithered, mimo
from support.random_models import compile_stages, configs, mimo_graph, ragged_graph, random_model, sensor_samples

INTEGER = """
graph t : integer
%u : u8[2] = input
%x : ci8[3] = state from "ssm"
%x1 : ci16[3] = shift_left %x amount=5 from "ssm"
%d : ci16[3] = diag %x lambda_bar=@d.lambda_bar from "ssm"
%bu : ci16[3] = inject %u b_bar=@bu.b_bar heads=@bu.heads from "ssm"
%xs : ci20[3] = add %x1 %d %bu from "ssm"
%xn : ci8[3] = requant %xs multiplier=1 shift=5 low=@xn.low high=@xn.high from "ssm"
%y : i20[2] = readout %xn c=@y.c heads=@y.heads channels=2 from "ssm"
%du : i12[2] = scale %u factor=@du.factor from "ssm"
%ys : i20[2] = add %y %du from "ssm"
%yq : i5[2] = requant %ys multiplier=@yq.multiplier shift=20 low=-3 high=12 from "ssm"
%act : u3[2] = lut %yq entries=@act.entries first=-3 from "act"
%mix : i12[3] = matvec %act weight=@mix.weight bias=@mix.bias from "mix"
%a : i12[2] = slice %mix start=0 stop=2 from "mix"
%aq : i6[2] = requant %a multiplier=1 shift=2 low=-31 high=31 from "mix"
%gate : i9[2] = mul %aq %act from "gate"
%total : i16[2] = state from "pool"
%sum : i17[2] = add %total %gate from "pool"
%sumq : i16[2] = requant %sum multiplier=1 shift=0 low=-32767 high=32767 from "pool"
%out : i24[1] = matvec %total weight=@out.weight bias=@out.bias from "decoder"
next %x = %xn
next %total = %sumq
output mix : step = %mix
output y : last = %out
table @d.lambda_bar : int[3,2] grid width[3,1]=4,5,6 scale[]=1.0
  -7 4 -2 0 1 1
table @bu.b_bar : int[3,2] grid width[]=4 scale[]=1.0
  1 0 2 0 4 0
table @bu.heads : int[3]
  0 0 1
table @xn.low : int[3]
  -127 -127 -7
table @xn.high : int[3]
  127 127 7
table @y.c : int[3,2] grid width[]=3 scale[]=1.0
  3 -3 2 0 1 1
table @y.heads : int[3]
  0 0 1
table @du.factor : int[2] grid width[]=4 scale[]=1.0
  5 -6
table @yq.multiplier : int[2]
  20000 1
table @act.entries : int[16] grid width[]=3 scale[]=1.0
  0 0 0 0 0 0 0 0 0 1 1 2 2 3 3 4
table @mix.weight : int[3,2] grid width[]=4 scale[]=1.0
  7 -7 1 2 3 4
table @mix.bias : int[3]
  1 2 3
table @out.weight : int[1,2] grid width[]=5 scale[]=1.0
  15 -16
table @out.bias : int[1] grid width[]=9 scale[]=1.0
  -200
"""
FLOAT = """
graph t : discrete
%u : f64[2] = input
%x : cf64[3] = state
%d : cf64[3] = diag %x lambda_bar=@d.lambda_bar
%bu : cf64[3] = inject %u b_bar=@bu.b_bar heads=@bu.heads
%xn : cf64[3] = add %d %bu
%y : f64[2] = readout %xn c=@y.c heads=@y.heads channels=2
%mix : f64[2] = matvec %y weight=@mix.weight bias=@mix.bias
%gate : f64[1] = glu %mix
next %x = %xn
output y : step = %gate
table @d.lambda_bar : real[3,2]
  0.5 0.5 0.5 0.5 0.5 0.5
table @bu.b_bar : real[3,2]
  1.0 0.0 1.0 0.0 1.0 0.0
table @bu.heads : int[3]
  0 0 1
table @y.c : real[3,2]
  1.0 0.0 1.0 0.0 1.0 0.0
table @y.heads : int[3]
  0 0 1
table @mix.weight : real[2,2]
  1.0 0.0 1.0 0.0
table @mix.bias : real[2]
  1.0 0.0
"""
BY_HAND = {  # multiply-accumulates, and bits times bits
    "d": (12, 4 * (4 * 8 + 5 * 8 + 6 * 4)),  # four products a state; states of 8, 8 and 4 bits
    "bu": (3, 3 * 4 * 8),  # im is 0 everywhere
    "y": (6, 2 * 3 * (8 + 8 + 4)),
    "du": (2, 2 * 4 * 8),
    "mix": (6, 6 * 4 * 3),
    "gate": (2, 2 * 6 * 3),
}


def by_op(report: dict[str, Any]) -> dict[str, tuple[int, int]]:
    return {row["op"]: (row["macs"], row["ace"]) for row in report["ops"] if row["macs"]}


def test_every_product_by_hand() -> None:
    report = effort_report(parse(INTEGER), parse(FLOAT))
    assert by_op(report) == BY_HAND
    assert report["macs"] == sum(macs for macs, _ in BY_HAND.values())
    assert report["ace"] == sum(ace for _, ace in BY_HAND.values())
    assert report["multiplications"] == report["macs"] + 1  # of the two multipliers of yq one is 1
    assert report["rescaling_bits"] == 20 * 15
    last = report["after_the_last"]
    assert (last["macs"], last["ace"], last["conversions"], last["adc_bits"]) == (2, 2 * 5 * 16, 1, 24)


def test_every_conversion_by_hand() -> None:
    report = effort_report(parse(INTEGER), parse(FLOAT))
    # 3 states, 2 readouts with their feedthrough, 2 of the matrix rounded; all 3 of it leave unrounded too.
    assert report["conversions"] == 6 + 2 + 2 + 3
    assert report["adc_bits"] == 2 * (8 + 8 + 4) + 2 * 4 + 2 * 6 + 3 * 12


def test_float_model_by_hand() -> None:
    report = effort_report(parse(INTEGER), parse(FLOAT))
    macs = 12 + 6 + 6 + 4 + 1  # the float b_bar is complex whatever its numbers are
    assert report["float32"] == {
        "macs": macs,
        "ace": macs * 32 * 32,
        "multiplications": macs,
        "rescaling_bits": 0,
        "conversions": 6 + 2 + 2,
        "adc_bits": 32 * 10,
    }
    assert report["ace_times_less"] == round(macs * 1024 / sum(ace for _, ace in BY_HAND.values()), 2)
    assert report["adc_times_less"] == round(320 / (40 + 8 + 12 + 36), 2)


def test_dense_state_spaces_and_crossbars() -> None:
    found = by_op(effort_report(mimo(), mimo_graph()))
    assert found == {
        "ax": (12, 12 * 4 * 6),  # poles -6..7 have 4 bits, states -31..31 have 6
        "bu": (12, 12 * 4 * 4),
        "cx": (12, 12 * 4 * 6),
    }
    report = effort_report(crossbar(), mimo_graph())
    # Of 25 cells 9 hold 0: 11 weights meet a state lane of 5 bits and 4 the sample of 4.
    assert by_op(report) == {"columns": (16, 12 * 4 * 5 + 4 * 4 * 4)}
    assert report["conversions"] == 5
    assert report["adc_bits"] == 4 * 5 + (crossbar()["y"].type.width or 0)
    assert report["arrays"] == {key: report[key] for key in ("macs", "ace", "conversions", "adc_bits")}


@pytest.mark.parametrize("options", [{}, {"weight_bits": 2, "adc_bits": 4, "form": "delayed"}], ids=str)
@pytest.mark.parametrize("shape", ["ragged", "dithered, two layers", "normed, three layers"])
def test_arrays_count_programmed_cells_and_converted_columns(shape: str, options: dict[str, Any]) -> None:
    found = laid(shape, CrossbarOptions(**options))
    report = effort_report(found.stages["convert"], found.stages["prove"])
    reads = [read for array in found.crossbar.arrays for read in array.reads]
    programmed = [(read, np.argwhere(found.crossbar.weights(read.op))) for read in reads]
    adc_bits, weight_bits = found.crossbar.file.adc_bits, found.crossbar.file.weight_bits
    assert report["arrays"] == {
        "macs": sum(len(cells) for _, cells in programmed),
        "ace": sum(weight_bits * _code_bits(found, read, row) for read, cells in programmed for _, row in cells),
        "conversions": sum(len(read.columns) for read in reads),
        "adc_bits": sum(len(read.columns) for read in reads) * (adc_bits or 0),
    }
    assert "arrays" not in effort_report(found.stages["prove"], found.stages["prove"])


def _code_bits(found: Laid, read: Read, row: int) -> int:
    """Of the code of a row: no more than its DAC has."""
    codes = found.stages["convert"][found.stages["convert"][read.op].inputs[0]]
    return min(read.rows[row].bits, codes.type.width or 0)


def test_the_published_scheme_rounds_the_two_terms_of_a_state_apart() -> None:
    stages = compile_stages(ragged_graph([2, 1]), QuantiseOptions("zhao", 8, 8, 8, 8), sensor_samples(2))
    report = effort_report(stages["prove"], stages["float"])
    # 2 of the encoder, 6 and 6 of the states, 2 of the readout; the decoder's 2 leave as they are.
    assert report["conversions"] == 2 + 6 + 6 + 2 + 2
    assert report["float32"]["conversions"] == 2 + 6 + 2 + 2
    assert report["multiplications"] > report["macs"]


@pytest.mark.parametrize(
    "graph", [random_s4d([3, 0, 1], norm=True), random_s4d([0, 0]), dithered()], ids=lambda g: g.name
)
def test_every_kind_of_graph_can_be_counted(graph: Graph) -> None:
    report = effort_report(graph, trace(random_model(ModelConfig(d_model=3, d_state=2, norm="layer")), 1))
    assert report["ace"] == sum(row["ace"] for row in report["ops"]) > 0
    assert report["adc_bits"] >= report["conversions"] >= 0


@settings(max_examples=6)
@given(config=configs(), seed=st.integers(0, 99))
def test_an_unpruned_design_multiplies_as_often_as_its_model(config: ModelConfig, seed: int) -> None:
    graph = trace(random_model(config, seed), config.d_input)
    report = effort_report(compile_stages(graph, QuantiseOptions(), sensor_samples(config.d_input))["prove"], graph)
    if config.norm == "none":
        spared = config.n_layers * config.d_model * config.d_state  # where every im of b_bar rounds to 0
        assert report["float32"]["macs"] - spared <= report["macs"] <= report["float32"]["macs"]
        assert report["conversions"] == report["float32"]["conversions"]
    assert report["ace_times_less"] > 1
