"""Products of adders: the hard ones fit the device, whole rows at a time, and the narrowest go first."""

from __future__ import annotations

import pytest

from qssmc.backends.verilog.lower import lower
from support.graphs import random_s4d

STATES = [7, 8, 5, 4, 5, 4, 7, 5, 13, 13, 10, 1, 2, 4, 4, 4]  # at four lanes, dots of two elements a clock


@pytest.mark.parametrize("multipliers", [32, 35, 38, 43, 48, 57])
def test_the_device_is_not_exceeded(multipliers: int) -> None:
    cells = [cell for cell in lower(random_s4d(STATES, seed=1), 4, multipliers).cells if cell.multipliers]
    assert sum(cell.multipliers - cell.soft for cell in cells) <= multipliers
    assert any(cell.parameters.get("K") == 2 for cell in cells)
    for cell in cells:
        elements = cell.parameters.get("K", 1)
        assert isinstance(elements, int)
        assert cell.parameters.get("SOFT", 0) * elements == cell.soft  # type: ignore[operator]


def test_the_narrowest_go_first() -> None:
    cells = [cell for cell in lower(random_s4d(STATES, seed=1), 4, 43).cells if cell.multipliers]
    others = [cell for cell in cells if cell.module != "qssm_ssm"]
    assert max(cell.product for cell in others if cell.soft) <= min(
        cell.product for cell in others if cell.soft < cell.multipliers
    )
