"""Explore: a prediction keeps to the budget as it is counted, where widths that the cost cannot foresee come and go."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, cast

import pytest

from qssmc.search.candidate import Shape
from qssmc.search.executors import Trial
from qssmc.search.explore import Explorer
from qssmc.search.objective import Measured
from qssmc.search.variables import Variable

ELEMENTS = 100


class Jumping(Explorer):
    """One table, with fields of 60 bits more where it has 7 bits: seen from 6 it fits, from 7 it does not."""

    variables = (Variable.of("w.weight", "table", ELEMENTS),)
    function_tables = ()
    factors = {"w.weight": 1.0}  # noqa: RUF012

    def __init__(self) -> None:
        super().__init__(cast(Any, None), cast(Any, None))

    def measured(self, trials: Sequence[Trial]) -> list[Measured]:
        found = []
        for candidate, _ in trials:
            bits = int(dict(candidate.bits)["w.weight"])
            found.append(Measured(0.1, ELEMENTS * bits + (60 if bits == 7 else 0), 0, {"w.weight": ELEMENTS}))
        return found


@pytest.mark.parametrize(("budget", "bits"), [(710, 6), (760, 7), (799, 7), (800, 8), (650, 6), (599, 5)])
def test_what_is_counted_fits(budget: float, bits: int) -> None:
    found = Jumping().allocated(Shape(), budget)
    assert found.bits <= budget
    assert dict(found.candidate.bits)["w.weight"] == bits
