"""Coverage and proofs: edges are counted where values are really clamped, and no proof is contradicted by a run."""

from __future__ import annotations

import itertools
from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from qssmc.frontend import trace
from qssmc.ir import Graph, parse
from qssmc.passes.prove import prove
from qssmc.passes.quantise import QuantiseOptions
from qssmc.verification import unreachable
from qssmc.verification.coverage import Points, Recorder, coverage_of, greedy_cover
from qssmc.verification.slopes import Slopes
from qssmc.verification.stimuli import Effort, Search, known_shapes
from qssmc.verification.unreachable import unreachable_points
from qssmc_sim import run
from support.hand import all_by_hand
from support.random_models import compile_stages, configs, random_model

FEW = Effort(steps=24, together=8, rounds=1, mutants=8, resonances=4)

SQUARED = """
graph squared : integer
%u : i4[1] = input
%s : i64[1] = mul %u %u
%y : i64[1] = requant %s multiplier=1 shift=0 low=-1 high=60
output y : step = %y
"""

CLAMPING = """
graph clamping : integer
%u : i4[1] = input
%q : i4[1] = requant %u multiplier=1 shift=0 low=-3 high=5
%y : u4[1] = lut %q entries=@y.entries first=-3
output y : step = %y
table @y.entries : int[9]
  0 1 2 3 4 5 6 7 8
"""
TURNING = """
graph turning : integer
%u : i4[1] = input
%x : ci64[1] = state
%d : ci64[1] = diag %x lambda_bar=@d.lambda_bar
%b : ci64[1] = inject %u b_bar=@b.b_bar heads=@b.heads
%b1 : ci64[1] = shift_left %b amount=4
%s : ci64[1] = add %d %b1
%n : ci64[1] = requant %s multiplier=1 shift=4 low={low} high={high}
%y : i64[1] = readout %n c=@b.b_bar heads=@b.heads channels=1
next %x = %n
output y : step = %y
table @d.lambda_bar : int[1,2]
  {re} {im}
table @b.b_bar : int[1,2]
  1 0
table @b.heads : int[1]
  0
"""


def reached(points: Points, samples: Any) -> Any:
    recorder = Recorder(points, len(samples))
    run(points.graph, np.asarray(samples, np.int64), recorder)
    return recorder.seen


def turning(re: int, im: int, low: int = -20, high: int = 30) -> Graph:
    return prove(parse(TURNING.format(re=re, im=im, low=low, high=high)))


def test_a_value_on_the_clamp_by_itself_is_not_clamped() -> None:
    points = Points(prove(parse(CLAMPING)))
    for values, edges in (([-3, 5, 0], [False, False]), ([-4, 0, 1], [True, False]), ([6, 6, 6], [False, True])):
        seen = reached(points, np.array(values)[None, :, None])[0]
        assert seen[:2].tolist() == edges
        assert set(np.flatnonzero(seen[2:])) == {min(max(value, -3), 5) + 3 for value in values}


def test_what_was_reached_is_told_by_op() -> None:
    points = Points(prove(parse(CLAMPING)))
    seen = reached(points, [[[-4], [0]]])[0]
    told = coverage_of(points, seen, np.zeros(points.count, bool))
    assert told.rows == (("q", "clamp edges", 2, 1, 0), ("y", "table entries", 9, 2, 0))
    assert told.open[:2] == ("%q high edge of element 0", "%y entry 1")
    assert "1 of 2 clamp edges reached" in told.sentence()
    assert told.as_json()["table_entries"] == {"all": 9, "reached": 2, "proven_unreachable": 0, "not_reached": 7}


def test_a_cover_reaches_what_all_reach() -> None:
    seen = np.random.default_rng(0).random((30, 50)) < 0.1
    cover = greedy_cover(seen)
    assert np.array_equal(seen[cover].any(axis=0), seen.any(axis=0))
    assert len(cover) < 30


@pytest.mark.parametrize(("re", "im"), [(12, 8), (4, -14), (-9, 9), (15, 0), (0, 15)])
def test_extremal_inputs_reach_all_that_any_input_reaches(re: int, im: int) -> None:
    """Every input of nine steps with the ends of the range, tried out; and what is proven to be out of reach is."""
    points = Points(turning(re, im))
    every = np.array(list(itertools.product((-8, 7), repeat=9)))[..., None]
    possible = reached(points, every).any(axis=0)
    never = unreachable_points(points, 24)
    assert not (possible & never).any()
    search = Search(points, never, 0, FEW, lambda *_: None)
    search.run()
    assert (search.seen >= possible).all()


def test_a_state_within_its_clamps_is_proven_so() -> None:
    """8 (1 + 1/2 + ...) and half a unit of rounding each time lie below 18."""
    assert unreachable_points(Points(turning(8, 0, -18, 18)), 10_000).all()
    assert unreachable_points(Points(turning(8, 0, -8, 18)), 10_000).tolist() == [False, True, True, True]


DITHERED = """
graph dithered : integer
%u : i4[1] = input
%p : u8[1] = state
%pn : u8[1] = advance %p step={step} bits=8
%x : ci64[19] = state
%d : ci64[19] = diag %x lambda_bar=@d.lambda_bar
%b : ci64[19] = inject %u b_bar=@b.b_bar heads=@b.heads
%s : ci64[19] = add %d %b
%n : ci64[19] = requant %s %{phase} multiplier=1 shift=4 low=@n.low high=@n.high phase_bits=8
%y : i64[1] = readout %n c=@b.b_bar heads=@b.heads channels=1
next %x = %n
next %p = %pn
output y : step = %y
table @d.lambda_bar : int[19,2]
{pole}
table @b.b_bar : int[19,2]
{weight}
table @b.heads : int[19]
{heads}
table @n.low : int[19]
{low}
table @n.high : int[19]
{high}
"""


def dithered(re: int, im: int, b: int, step: int, phase: str) -> Points:
    """The same state with clamps of 19 sizes."""
    sizes = range(4, 60, 3)
    tables = {
        "pole": "\n".join([f"  {re} {im}"] * 19),
        "weight": "\n".join([f"  {b} 3"] * 19),
        "heads": "  " + " ".join(["0"] * 19),
        "low": "  " + " ".join(str(-size - 1) for size in sizes),
        "high": "  " + " ".join(str(size) for size in sizes),
    }
    return Points(prove(parse(DITHERED.format(step=step, phase=phase, **tables))))


@pytest.mark.parametrize(("step", "phase"), [(158, "p"), (101, "pn"), (16, "p")])
@pytest.mark.parametrize(("re", "im", "b"), [(13, 7, 5), (15, 1, 2), (-11, 10, 7)])
def test_what_the_known_phase_rules_out_is_out_of_reach(re: int, im: int, b: int, step: int, phase: str) -> None:
    """For clamps of every size around what thousands of sequences reach: no proof is wrong, and it proves more."""
    random = np.random.default_rng(step)
    every = np.concatenate([random.choice([-8, 7], (500, 40, 1)), random.integers(-8, 8, (100, 40, 1))])
    points = dithered(re, im, b, step, phase)
    seen = reached(points, every).any(axis=0)
    once, followed = unreachable_points(points, 40), unreachable_points(points, 40, ~seen)
    assert not (seen & followed).any()
    assert not (once & ~followed).any()
    assert (followed & ~once).any()


def test_a_phase_that_is_wrong_would_contradict_a_run(monkeypatch: pytest.MonkeyPatch) -> None:
    """The control: with a phase that is two ranges lower than it is, what runs reach is called out of reach."""
    phases = unreachable._phases

    def wrong(*given: Any) -> Any:
        real = phases(*given)
        return None if real is None else real - 2.0

    monkeypatch.setattr(unreachable, "_phases", wrong)
    every = np.random.default_rng(0).choice([-8, 7], (1500, 40, 1))
    points = dithered(15, 1, 2, 158, "p")
    seen = reached(points, every).any(axis=0)
    assert (seen & unreachable_points(points, 40, np.ones_like(seen))).any()


def test_climbing_keeps_what_comes_nearest() -> None:
    """Two samples of the same sign, both at an end: the slopes at zero say nothing, those beside it all."""
    points = Points(prove(parse(SQUARED)))
    search = Search(points, np.zeros(points.count, bool), 0, replace(FEW, tries=1, climbs=3), lambda *_: None)
    search.wanted[:] = [False, True]
    search.look(np.zeros((1, 4, 1), np.int64))
    search._last = {1: np.full((4, 1), -1, np.int64)}
    assert not search.seen[1]
    search.climb()
    assert search.seen[1]
    assert search._last[1][-1] == -8


def test_slopes_are_the_impulse_response() -> None:
    """One sample k steps before the end moves re of the state by Re(lambda^k)."""
    graph = turning(12, 8)
    slopes = Slopes(graph)
    zero = np.zeros((1, 6, 1), np.int64)
    found = slopes.of([("n", 0), ("n", 1)], slopes.along(zero))
    powers = ((12 + 8j) / 16) ** np.arange(5, -1, -1)
    assert np.allclose(found[0, :, 0], powers.real, atol=1e-5)
    assert np.allclose(found[1, :, 0], powers.imag, atol=1e-5)
    assert np.allclose(slopes.poles()["x"], (12 + 8j) / 16)


def test_the_same_seed_gives_the_same_sequences() -> None:
    points = Points(turning(12, 8))
    never = unreachable_points(points, 24)
    ones = []
    for seed in (0, 0, 1):
        search = Search(points, never, seed, FEW, lambda *_: None)
        search.run()
        ones.append(search.samples)
    assert np.array_equal(ones[0], ones[1])
    assert not np.array_equal(known_shapes(points.graph, 0, FEW), known_shapes(points.graph, 1, FEW))


@settings(max_examples=6, deadline=None)
@given(configs(), st.integers(0, 1000))
def test_no_run_reaches_what_is_proven_out_of_reach(config: Any, seed: int) -> None:
    samples = np.random.default_rng(seed).integers(0, 256, (4, FEW.steps, config.d_input))
    stages = compile_stages(
        trace(random_model(config, seed), config.d_input), QuantiseOptions("qssm", 4, 6, 6), samples
    )
    points = Points(stages["prove"])
    never = unreachable_points(points, FEW.steps)
    search = Search(points, never, seed, FEW, lambda *_: None)
    search.run()
    low, high = points.graph.inputs[0].type.bounds
    noise = np.random.default_rng(seed).integers(low, high + 1, (64, FEW.steps, points.graph.inputs[0].type.shape[0]))
    assert not ((search.seen | reached(points, noise).any(axis=0)) & never).any()


@pytest.mark.parametrize("graph", [graph for graph in all_by_hand() if graph.stage == "integer"], ids=lambda g: g.name)
def test_graphs_that_no_model_has_are_driven_too(graph: Graph) -> None:
    points = Points(graph)
    never = unreachable_points(points, FEW.steps)
    search = Search(points, never, 0, FEW, lambda *_: None)
    search.run()
    assert search.samples.shape[1:] == (FEW.steps, graph.inputs[0].type.shape[0])
    assert not (search.seen & never).any()
