"""The search on a tiny model: what it measures, that budgets hold as they are really counted, and what it refuses."""

from __future__ import annotations

import re
from dataclasses import replace

import numpy as np
import pytest

from qssmc.errors import UsageError
from qssmc.passes.methods import FULL
from qssmc.passes.pipeline import run_pipeline
from qssmc.search import Cached, Candidate, Goal, measure, reach
from qssmc.search.bit_allocation import error_of
from qssmc.search.candidate import POLES, STATE, Shape
from qssmc.search.cost import Cost
from qssmc.search.goal import within
from qssmc.search.objective import float_bytes, storage_of, trials_of
from support.objectives import Counting, tiny_explorer, tiny_objective


def quiet(_: str) -> None:
    """Says nothing."""


def test_every_free_number_of_bits_is_a_knob_and_turning_it_shows_in_the_graph() -> None:
    explorer = tiny_explorer()
    names = {variable.name for variable in explorer.variables}
    tables = {"encoder.weight", "blocks_0_ssm_cx.c", "blocks_0_ssm_du.factor", "blocks_0_mixing.weight"}
    casts = {"encoder", "blocks_0_ssm_y", "blocks_0_activation", "blocks_0_gate_value", "blocks_0_add"}
    assert {STATE, POLES, "decoder_sum.weight"} | tables | casts <= names
    base = explorer.base(explorer.first)
    quantised = stage(explorer, base.with_bits("blocks_0_mixing.weight", 3).with_bits("blocks_0_add", 5), "quantise")
    weight = quantised["blocks_0_mixing"].tables()["weight"]
    assert weight.grid is not None
    assert int(weight.grid.width.max()) == 3
    cast = quantised["blocks_0_add_q"].tables()
    assert int((cast["high"].data - cast["low"].data).max()) == 2**5 - 1


def stage(explorer, candidate, name):  # type: ignore[no-untyped-def]
    return trials_of(explorer.objective).stages(candidate)[name]


def test_fewer_bits_lose_more_and_the_loss_is_that_of_the_outputs() -> None:
    objective = tiny_objective()
    explorer = tiny_explorer(objective)
    base = explorer.base(Shape())
    fine, coarse = (
        measure(objective, base, "trial"),
        measure(objective, base.with_bits("decoder_sum.weight", 3), "trial"),
    )
    assert 0 < fine.loss < coarse.loss
    assert fine.bits > coarse.bits
    held_out = objective.plan.on(slice(objective.fitted, None))
    found = held_out.integers.outputs(stage(explorer, base, "prove"))["y"]
    wanted = held_out.reals.outputs(objective.graph)["y"]
    scale = (found * wanted).sum() / (found * found).sum()  # integers stand for reals of one scale
    again = ((found * scale - wanted) ** 2).mean() / ((wanted - wanted.mean(axis=0)) ** 2).mean()
    assert again == pytest.approx(fine.loss, rel=0.3)


def test_trials_are_measured_on_sequences_that_they_did_not_learn_from() -> None:
    objective = tiny_objective(count=20)
    learnt_from = objective.plan_of(Candidate.of(Shape(), {STATE: 8, POLES: 8}), False).reals
    assert len(learnt_from) + len(objective.held_out) == 20
    assert not {row.tobytes() for row in learnt_from.samples} & {row.tobytes() for row in objective.held_out.samples}


def test_notches_turn_one_knob_each_and_give_the_factor_of_a_power_of_four() -> None:
    explorer = tiny_explorer()
    base = explorer.base(explorer.first)
    for sensitivity in explorer.sensitivities:
        assert (sensitivity.base_bits, sensitivity.bits) == (
            dict(base.bits)[sensitivity.variable],
            dict(base.bits)[sensitivity.variable] - 3,
        )
        found = measure(explorer.objective, base.with_bits(sensitivity.variable, sensitivity.bits), "trial").loss
        assert found == sensitivity.loss
        rise = sensitivity.factor * (error_of(sensitivity.bits) - error_of(sensitivity.base_bits))
        assert rise == pytest.approx(max(0.0, found - sensitivity.base_loss))
    assert [sensitivity.variable for sensitivity in explorer.sensitivities] == [
        variable.name for variable in explorer.variables
    ]


def test_predicted_bits_are_near_the_counted_ones() -> None:
    explorer = tiny_explorer()
    base = explorer.base(explorer.first)
    cost = Cost(explorer.variables, explorer.function_tables, base, explorer.of_shape(explorer.first))
    turned = base.with_bits("blocks_0_mixing.weight", 4).with_bits(STATE, 8.0).with_bits("blocks_0_activation", 6)
    counted = measure(explorer.objective, turned, "count").bits
    assert cost.total(dict(turned.bits)) == pytest.approx(counted, rel=0.03)


@pytest.mark.parametrize("part", [0.3, 0.6, 0.9])
def test_a_budget_holds_as_it_is_really_counted_and_is_used(part: float) -> None:
    explorer = tiny_explorer()
    low, high = explorer.smallest().bits, explorer.largest()
    budget = low + part * (high - low)
    found = within(explorer, budget, quiet)
    graph = made(explorer, found.candidate)
    storage = storage_of(explorer.objective, graph)
    assert storage["parameter_bits"] + storage["state_bits"] == found.measured.bits
    assert 0.8 * budget <= found.measured.bits <= budget


def made(explorer, candidate):  # type: ignore[no-untyped-def]
    return run_pipeline(explorer.objective.plan_of(candidate, True)).golden


def test_a_saving_is_a_budget() -> None:
    objective = tiny_objective()
    percent = 100 * (1 - tiny_explorer(objective).largest() / 8 / float_bytes(objective))
    found = reach(Goal(saving=percent), tiny_explorer(objective), quiet)
    assert found.measured.bytes <= float_bytes(objective) * (1 - percent / 100) + 1


def test_a_budget_that_cannot_be_met_names_the_smallest_that_can_and_that_one_can() -> None:
    objective = tiny_objective()
    with pytest.raises(UsageError, match="a budget of 10 bytes cannot be met: the smallest design") as caught:
        reach(Goal(budget_bytes=10), tiny_explorer(objective), quiet)
    named = re.search(r"takes (\d+) bytes", str(caught.value))
    assert named
    smallest = int(named[1])
    assert reach(Goal(budget_bytes=smallest), tiny_explorer(objective), quiet).measured.bytes <= smallest
    with pytest.raises(UsageError, match="cannot be met"):
        reach(Goal(budget_bytes=smallest - 1), tiny_explorer(objective), quiet)


def test_the_smallest_accurate_design_is_smaller_than_a_more_accurate_one() -> None:
    objective = tiny_objective(labels=True)
    loose, strict = (reach(Goal(min_accuracy=percent), tiny_explorer(objective), quiet) for percent in (30.0, 85.0))
    assert loose.measured.accuracy >= 30.0  # type: ignore[operator]
    assert strict.measured.accuracy >= 85.0  # type: ignore[operator]
    assert loose.measured.bits < strict.measured.bits


def test_an_accuracy_out_of_reach_and_one_without_labels_are_refused() -> None:
    objective = tiny_objective(labels=True)
    assert objective.labelled is not None
    samples, labels = objective.labelled
    wrong = replace(objective, labelled=(samples, (labels + 1) % 5))
    with pytest.raises(UsageError, match=r"an accuracy of 99 % cannot be met: the best design .* of 40 held-out"):
        reach(Goal(min_accuracy=99.0), tiny_explorer(wrong), quiet)
    with pytest.raises(UsageError, match="--min-accuracy needs labelled sequences"):
        reach(Goal(min_accuracy=50.0), tiny_explorer(), quiet)


def test_what_the_user_fixed_is_kept() -> None:
    objective = tiny_objective(methods=replace(FULL, states=2.0))
    explorer = tiny_explorer(objective, most=(4, 6), fixed=((STATE, 9.0),))
    assert {shape.states for shape in explorer.shapes()} == {2.0}
    found = dict(within(explorer, explorer.largest(), quiet).candidate.bits)
    assert found.pop(STATE) == 9.0
    found.pop(POLES)
    assert max(bits for name, bits in found.items() if "." in name) <= 4
    assert max(bits for name, bits in found.items() if "." not in name) <= 6


def test_the_same_search_twice_asks_for_and_finds_the_same() -> None:
    searches = []
    for _ in range(2):
        explorer = tiny_explorer()
        found = within(explorer, 0.7 * explorer.largest(), quiet)
        assert isinstance(explorer.executor, Cached)
        assert isinstance(explorer.executor.executor, Counting)
        searches.append((found.candidate, found.measured.bits, found.measured.loss, explorer.executor.executor.asked))
    assert searches[0] == searches[1]
    assert len(set(searches[0][3])) == len(searches[0][3])


@pytest.mark.parametrize(
    ("goal", "said"),
    [
        ({}, "give one of --budget-bytes, --saving and --min-accuracy"),
        ({"budget_bytes": 10, "saving": 5.0}, "give one of"),
        ({"budget_bytes": 0}, "--budget-bytes must be at least 1, not 0"),
        ({"saving": 100.0}, "--saving must be a percentage above 0 and below 100, not 100"),
        ({"min_accuracy": float("nan")}, "--min-accuracy must be a percentage"),
    ],
)
def test_goals_that_make_no_sense(goal: dict[str, float], said: str) -> None:
    with pytest.raises(UsageError, match=said):
        Goal(**goal)  # type: ignore[arg-type]


def test_too_few_sequences_are_refused() -> None:
    with pytest.raises(UsageError, match="7 calibration sequences are too few to search with; give 8 or more"):
        tiny_objective(count=7)


def test_constant_sequences_are_refused() -> None:
    objective = tiny_objective()
    integers = objective.plan.integers
    constant = replace(objective.plan, integers=replace(integers, samples=np.full_like(integers.samples, 7)))
    with pytest.raises(UsageError, match="all calibration samples are 7, so there is nothing to measure"):
        replace(objective, plan=constant)
