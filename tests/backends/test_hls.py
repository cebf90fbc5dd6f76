"""The HLS target against the golden model: every op, every step, any number of lanes, bit for bit."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from qssmc.backends.hls import emit
from qssmc.errors import UnsupportedModelError
from qssmc.ir import Graph
from qssmc.passes.prove import prove
from support import hand
from support.emitted import by_hand, shifted_sum
from support.emitted_hls import compare_every_op, compare_outputs
from support.graphs import random_s4d
from support.one_op import MNEMONICS, one_op

RAGGED = [3, 0, 5, 2]
VARIANTS: dict[str, dict[str, Any]] = {
    "plain": {"states": [8] * 16},
    "ragged": {"states": [12, 5, 7, 2, 9, 3, 8, 8, 10, 2, 6, 7, 11, 4, 0, 12]},
    "few": {"states": [1]},
    "no states": {"states": [0, 0]},
    "two layers": {"states": RAGGED, "layers": 2, "norm": True},
    "multiplier": {"states": RAGGED, "multiplier": True, "increment": False},
    "every step": {"states": RAGGED, "output": "step", "d_input": 3},
    "dithered": {"states": RAGGED, "dither": True},
    "16 bits of state": {"states": [6, 4, 4], "state_bits": 16, "norm": True, "multiplier": True},
}


@pytest.mark.parametrize("lanes", [1, 3])
@pytest.mark.parametrize("name", list(VARIANTS))
def test_random_models_equal_golden(name: str, lanes: int, tmp_path: Path) -> None:
    graph = random_s4d(**VARIANTS[name], seed=len(name))
    compare_every_op(graph, tmp_path, lanes=lanes)
    compare_outputs(graph, tmp_path, lanes=lanes)


HAND = [*by_hand(), hand.mimo(), hand.crossbar(), hand.delay_line(), hand.dithered()]


@pytest.mark.parametrize("lanes", [1, 4])
@pytest.mark.parametrize("graph", HAND, ids=lambda g: g.name)
def test_hand_written_graphs_equal_golden(graph: Graph, lanes: int, tmp_path: Path) -> None:
    compare_every_op(graph, tmp_path, lanes=lanes)
    compare_outputs(graph, tmp_path, lanes=lanes)


@pytest.mark.parametrize("mnemonic", MNEMONICS)
def test_each_op_equals_golden(mnemonic: str, tmp_path: Path) -> None:
    for seed in range(3):
        compare_every_op(prove(one_op(mnemonic, seed)), tmp_path / str(seed), lanes=1 + seed)


def test_trees_of_sums_and_shifts_equal_golden(tmp_path: Path) -> None:
    for seed in range(10):
        compare_every_op(shifted_sum(seed), tmp_path / str(seed), steps=3)


def test_other_stages_are_refused() -> None:
    with pytest.raises(UnsupportedModelError, match="float stage, but HLS needs the integer stage"):
        emit(hand.float_model())
