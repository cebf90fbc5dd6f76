"""How far states reach, worked out by hand and driven there, and saturations counted by hand."""

from __future__ import annotations

import json
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from qssmc.analysis.bounds import bounds
from qssmc.ir import Graph, parse
from qssmc.passes.prove import prove
from qssmc.passes.quantise import QuantiseOptions
from qssmc.report import Tally, bounds_report
from qssmc_sim import run
from support.graphs import random_s4d
from support.hand import all_by_hand, crossbar, delay_line, dithered, mimo
from support.random_models import compile_stages, ragged_graph, sensor_samples

DECAY = """
graph t : integer
%u : i4[1] = input
%x : ci64[{count}] = state
%d : ci64[{count}] = diag %x lambda_bar=@d.lambda_bar
%b : ci64[{count}] = inject %u b_bar=@b.b_bar heads=@b.heads
%b1 : ci64[{count}] = shift_left %b amount=4
%s : ci64[{count}] = add %d %b1
%n : ci64[{count}] = requant %s multiplier=1 shift=4 low=-{top} high={top}
%y : i64[1] = readout %n c=@b.b_bar heads=@b.heads channels=1
next %x = %n
output y : step = %y
table @d.lambda_bar : int[{count},2]
  {poles}
table @b.b_bar : int[{count},2]
  {inputs}
table @b.heads : int[{count}]
  {heads}
"""


def decay(poles: str, inputs: str, top: int = 99) -> Graph:
    """States with poles in sixteenths and whole input weights, driven by -8..7."""
    count = len(poles.split()) // 2
    text = DECAY.format(count=count, top=top, poles=poles, inputs=inputs, heads=" ".join("0" * count))
    return prove(parse(text))


def reported(graph: Graph, samples: Any) -> dict[str, Any]:
    tally = Tally(graph)
    run(graph, np.asarray(samples, np.int64), tally)
    return bounds_report(graph, tally)


def state(report: dict[str, Any], name: str = "x") -> dict[str, Any]:
    (row,) = [row for row in report["states"] if row["state"] == name]
    return row


def test_a_geometric_series_by_hand() -> None:
    """Half a unit of re and of im is 0.707 as a complex number; over 1 - |a| it adds 1.414 at a = 1/2."""
    graph = decay("8 0 0 8 -8 0 0 0 16 0", "1 0 1 0 1 0 3 0 1 0")
    row = state(reported(graph, np.zeros((1, 1, 1))))
    root = 2**0.5 * 0.5
    real = 8 * 2 + root * 2  # 8 (1 + 1/2 + ...)
    turning = 8 / (1 - 1 / 4**2) + 7 / 4 / (1 - 1 / 4**2) + root * 2  # re: 8 (1 + 1/16 ...) + 7 (1/4 + ...)
    alternating = 8 / (1 - 1 / 4) + 7 / 2 / (1 - 1 / 4) + root * 2
    assert row["bound"] == [int(real), int(turning), int(alternating), int(24 + root), None]
    assert row["clamp"] == [99] * 5
    assert row["can_saturate"] == 1  # what does not decay


def test_the_bound_tells_which_states_can_saturate() -> None:
    report = reported(decay("8 0 8 0", "1 0 2 0", top=20), np.zeros((1, 1, 1)))
    assert state(report)["bound"] == [17, 33]
    assert (report["can_saturate"], report["elements"]) == (1, 2)


def test_saturations_are_counted_where_a_clamp_changed_something() -> None:
    graph = decay("8 0 0 0", "1 0 3 0", top=12)
    report = reported(graph, [[[7], [7], [7], [-4]], [[-8], [-4], [-4], [4]]])
    # State 0: 7, 10.5 -> 11, 12.5 -> 13 > 12, 2; -8, -8, -8, 0. State 1: 21, 21, 21, -12; -24, -12, -12, 12.
    assert state(report)["saturated"] == [1, 3 + 1]
    assert state(report)["peak"] == [12, 12]
    assert state(report)["values"] == 2 * 4 * 2 * 2
    assert (report["state_saturations"], report["state_values"]) == (5, 32)
    assert report["requants"] == [{"op": "n", "origin": "", "values": 32, "saturated": 5}]
    assert report["sequences"] == 2


def worst_case(pole: complex, weight: complex, lane: int, length: int) -> list[int]:
    """The samples of -8..7 that drive re or im of x as far up as they can at the last step."""
    response = [weight * pole**k for k in reversed(range(length))]
    return [7 if (h.imag if lane else h.real) > 0 else -8 for h in response]


@settings(max_examples=25)
@given(
    p=st.integers(-15, 15), q=st.integers(-15, 15), b=st.integers(-4, 4), c=st.integers(-4, 4), lane=st.integers(0, 1)
)
def test_the_worst_input_comes_close_to_the_bound_and_not_beyond(p: int, q: int, b: int, c: int, lane: int) -> None:
    graph = decay(f"{p} {q}", f"{b} {c}", 1 << 20)
    samples = np.array(worst_case(complex(p, q) / 16, complex(b, c), lane, 400))[None, :, None]
    row = state(reported(graph, samples))
    bound = row["bound"][0]
    if p * p + q * q >= 256:
        assert bound is None
        return
    assert row["peak"][0] <= bound
    noise = 2**0.5 / (1 - abs(complex(p, q)) / 16)
    driven = [
        np.array(worst_case(complex(p, q) / 16, sign * complex(b, c), part, 400))[None, :, None]
        for part in (0, 1)
        for sign in (1, -1)
    ]
    both = max(state(reported(graph, samples))["peak"][0] for samples in driven)
    assert bound <= both + 2 * noise + 1


@pytest.mark.parametrize("scheme", ["qssm", "zhao", "dither"])
def test_nothing_seen_lies_beyond_a_bound(scheme: Any) -> None:
    options = QuantiseOptions(dither=True) if scheme == "dither" else QuantiseOptions(scheme, 8, 8, 8, 8)
    graph = compile_stages(ragged_graph([3, 0, 2]), options, sensor_samples(2))["prove"]
    samples = np.random.default_rng(0).integers(0, 2, (8, 400, 2)) * 255
    row = state(reported(graph, samples))
    bounded = [(bound, peak) for bound, peak in zip(row["bound"], row["peak"], strict=True) if bound is not None]
    assert scheme == "zhao" or len(bounded) == 5
    assert all(peak <= bound for bound, peak in bounded)
    for bound, saturated, clamp in zip(row["bound"], row["saturated"], row["clamp"], strict=True):
        assert not saturated or bound is None or bound > clamp


def test_a_dithered_rounding_counts_a_whole_unit() -> None:
    graph = dithered()
    row = state(reported(graph, np.full((1, 9, 4), -32)))
    pole, rest = abs(complex(-6, 2) / 2**7 + 1), 2**0.5
    assert row["bound"][1] >= 3 * 32 / 2**7 * 0.5 + rest / (1 - pole)
    assert "phase" not in {row["state"] for row in reported(graph, np.zeros((1, 1, 4)))["states"]}


def test_an_input_that_is_never_zero_reaches_further_at_first_than_in_the_end() -> None:
    """Of 4 to 7, at a pole of -1/2: 7, then 7 - 2 = 5 ..., then less."""
    text = (
        DECAY.format(count=1, top=99, poles="-8 0", inputs="1 0", heads="0")
        .replace("inject %u", "inject %o")
        .replace("%x : ci64", "%o : i64[1] = requant %u multiplier=1 shift=0 low=4 high=7\n%x : ci64")
    )
    row = state(reported(prove(parse(text)), [[[7], [-8], [7], [-8]]]))
    assert row["peak"] == [7]
    assert row["bound"] == [int(7 + 2 * 0.5**0.5)]


def test_running_sums_hold_for_a_number_of_steps() -> None:
    graph = random_s4d([2, 1])
    report = reported(graph, np.zeros((1, 3, 1)))
    rows = {row["state"]: row for row in report["states"]}
    top = (1 << 19) - 1
    term = bounds(graph)["l0_out"].value
    reach = [max(-int(low), int(high)) for low, high in zip(term.low, term.high, strict=True)]
    assert rows["total"]["steps"] == [top // reach[0], top // reach[1]]
    assert rows["total"]["bound"] == [None, None]
    assert report["steps"] == min(row["steps"][0] for row in report["states"] if "steps" in row)
    assert report["elements"] == 3


def test_what_runs_after_the_last_sample_is_counted_once() -> None:
    text = """
graph t : integer
%u : i4[1] = input
%s : i64[1] = state
%a : i64[1] = add %s %u
%n : i64[1] = requant %a multiplier=1 shift=0 low=-99 high=99
%q : i64[1] = requant %s multiplier=1 shift=1 low=-8 high=7
next %s = %n
output y : last = %q
"""
    report = reported(prove(parse(text)), np.full((2, 5, 1), 7))
    assert [(row["op"], row["values"], row["saturated"]) for row in report["requants"]] == [("n", 10, 0), ("q", 2, 2)]


def test_recurrences_that_are_not_diagonal_have_no_bound() -> None:
    assert state(reported(mimo(), np.zeros((1, 1, 2))))["bound"] != [None] * 3  # a dense input is an error
    assert state(reported(crossbar(), np.zeros((1, 1, 1))))["bound"] == [None, None]
    assert reported(delay_line(), np.zeros((1, 1, 1)))["states"] == []


@pytest.mark.parametrize("graph", [g for g in all_by_hand() if g.stage == "integer"], ids=lambda g: g.name)
def test_it_is_plain_json(graph: Graph) -> None:
    found = reported(graph, np.zeros((1, 2, graph.inputs[0].type.shape[0])))
    assert json.loads(json.dumps(found)) == found


def test_two_inputs_of_equal_ranges_do_not_cancel() -> None:
    text = """
graph t : integer
%u : i4[2] = input
%a : i4[1] = slice %u start=0 stop=1
%b : i4[1] = slice %u start=1 stop=2
%x : i64[1] = state
%minus : i64[1] = scale %b factor=-1
%s : i64[1] = add %x %a %minus
%n : i64[1] = requant %s multiplier=1 shift=0 low=-99 high=99
next %x = %n
output y : step = %x
"""
    assert state(reported(prove(parse(text)), np.zeros((1, 1, 2))))["steps"] == [99 // 16]
