"""The exchange: budgets are kept and used, bits go where they matter, and nothing better is next to what is found."""

from __future__ import annotations

from itertools import product

import pytest

from qssmc.search.bit_allocation import BitAllocation, error_of
from qssmc.search.candidate import Candidate, Shape
from qssmc.search.cost import Cost
from qssmc.search.objective import Measured
from qssmc.search.variables import FunctionTable, Variable


def cost_of(elements: dict[str, int], curves: tuple[FunctionTable, ...] = (), fixed: int = 100) -> Cost:
    """Tables of so many elements each, counted at 4 bits; a variable named in a curve is a cast."""
    casts = {name for curve in curves for name in (curve.before, curve.after)}
    variables = tuple(
        Variable(name, "cast" if name in casts else "table", 3.0, 8.0, 6.0, 3.0, 1.0, size)
        for name, size in elements.items()
    )
    counted = Candidate.of(Shape(), {variable.name: 4.0 for variable in variables})
    tables = {f"{curve.after}_q.entries": 16 for curve in curves}
    stored = sum(4 * size for name, size in elements.items() if name not in casts) + 64 * len(curves)
    return Cost(variables, curves, counted, Measured(0.1, fixed + stored, 1, {**elements, **tables}))


def loss_of(bits: dict[str, float], sensitivity: dict[str, float]) -> float:
    return sum(factor * error_of(bits[name]) for name, factor in sensitivity.items())


def test_predicted_bits_are_what_tables_hold() -> None:
    cost = cost_of({"a": 10, "b": 30, "u": 5, "f": 5}, (FunctionTable("u", "f"),))
    assert cost.total({"a": 3, "b": 5, "u": 6, "f": 7}) == 100 + 30 + 150 + 64 * 7


@pytest.mark.parametrize("budget", [300, 333, 402, 519, 640])
def test_the_exchange_comes_close_to_the_best_of_all_settings(budget: int) -> None:
    elements, sensitivity = {"a": 10, "b": 30, "c": 25}, {"a": 3.0, "b": 1.0, "c": 0.2}
    cost = cost_of(elements)
    bits = BitAllocation(cost, sensitivity, budget).bits()
    assert cost.total(bits) <= budget
    options = (dict(zip(elements, choice, strict=True)) for choice in product(range(3, 9), repeat=3))
    fitting = [option for option in options if cost.total(option) <= budget]  # type: ignore[arg-type]
    best = min(loss_of(option, sensitivity) for option in fitting)  # type: ignore[arg-type]
    assert loss_of(bits, sensitivity) <= 1.3 * best


def test_more_sensitive_tables_of_one_size_get_no_fewer_bits() -> None:
    sensitivity = {"a": 0.1, "b": 10.0, "c": 1.0}
    bits = BitAllocation(cost_of({"a": 20, "b": 20, "c": 20}), sensitivity, 420).bits()
    assert bits["a"] < bits["c"] < bits["b"]


def test_a_large_step_is_made_where_small_ones_leave_too_little_room() -> None:
    """Greedy fills the budget with `small` alone; four of its bits taken back make room for one of `large`."""
    cost = cost_of({"small": 10, "large": 40})
    exchange = BitAllocation(cost, {"small": 1.0, "large": 3.9}, cost.total({"small": 3, "large": 4}) + 5)
    greedy = exchange.filled({"small": 3.0, "large": 3.0})
    assert greedy == {"small": 7.0, "large": 3.0}
    assert exchange.bits() == {"small": 3.0, "large": 4.0}


def test_what_is_never_stored_gets_bits_by_what_they_win_and_not_all_of_them() -> None:
    curves = (FunctionTable("u", "f"),)
    cost = cost_of({"a": 64, "u": 4, "f": 4}, curves)
    bits = BitAllocation(cost, {"a": 1.0, "u": 0.0, "f": 0.0}, cost.total({"a": 8, "u": 3, "f": 3})).bits()
    assert bits == {"a": 8.0, "u": 3.0, "f": 3.0}


def test_a_budget_below_everything_gives_the_fewest_bits() -> None:
    exchange = BitAllocation(cost_of({"a": 10, "b": 10}), {"a": 1.0, "b": 1.0}, 0)
    assert exchange.bits() == {"a": 3.0, "b": 3.0}
    assert exchange.steps == []
