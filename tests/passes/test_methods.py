"""Methods and their place in the pipeline: what is refused, and which passes come in which order."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from qssmc.analysis.calibration import Calibration
from qssmc.driver.compile_options import CompileOptions
from qssmc.driver.settle import chosen_methods
from qssmc.errors import UsageError
from qssmc.passes.methods import DEFAULT, FULL, PLAIN, Methods
from qssmc.passes.pipeline import pipeline
from qssmc.passes.plan import PassPlan
from qssmc.passes.quantise import QuantiseOptions
from qssmc_sim import run
from support.random_models import FORMAT, ragged_graph, sensor_samples

ALL = [
    "canonicalise",
    "discretize",
    "rotate",
    "prune_channels",
    "prune_heads",
    "prune_states",
    "calibrate",
    "balance",
    "fill",
    "allocate",
    "place_poles",
    "input_bits",
    "clip",
    "quantise",
    "refit",
    "align",
    "prove",
]


def names(methods: Methods) -> list[str]:
    graph = ragged_graph([2, 1])
    plan = PassPlan(graph, QuantiseOptions(), FORMAT, Calibration(sensor_samples(2), run), methods)
    return [row.name for row in pipeline(plan)]


PRUNING = {"prune_channels", "prune_heads", "prune_states"}
CLOSED_FORM = {"rotate", "fill", "allocate", "place_poles", "input_bits", "clip", "refit"}


@pytest.mark.parametrize(
    ("methods", "left_out"),
    [
        (Methods(2.0, None, 1, 1, 1, "state", True, True, 8, True), set()),
        (FULL, PRUNING),
        (PLAIN, PRUNING | CLOSED_FORM),
        (Methods(prune_loss=0.0), (PRUNING | CLOSED_FORM) - {"prune_states"}),
        (Methods(bits_by="head"), PRUNING | CLOSED_FORM - {"allocate"}),
        (Methods(refit=True), PRUNING | CLOSED_FORM - {"refit"}),
    ],
)
def test_order(methods: Methods, left_out: set[str]) -> None:
    assert names(methods) == [name for name in ALL if name not in left_out]


@pytest.mark.parametrize(
    ("wrong", "message"),
    [
        ({"states": 0.0}, "states must be more than 0, not 0"),
        ({"states": float("nan")}, "states must be more than 0, not nan"),
        ({"prune_loss": 1.0}, "prune loss must be at least 0 and below 1, not 1"),
        ({"prune_loss": -0.1}, "prune loss must be at least 0 and below 1, not -0.1"),
        ({"bits_by": "x"}, "bits must go by layer, head, mixed, state, not 'x'"),
        ({"place": True}, "poles are placed on grids of allocated bits; say what the bits go by"),
        ({"heads": 0}, "heads must be at least 1, not 0"),
        ({"channels": -1}, "channels must be at least 1, not -1"),
        ({"fill": 16}, "fill must be 0 to 15 significant bits, not 16"),
        ({"input_bits": 1}, "input bits must be 2 to 16, not 1"),
    ],
)
def test_what_makes_no_sense_is_refused(wrong: dict[str, Any], message: str) -> None:
    with pytest.raises(UsageError) as caught:
        Methods(**wrong)
    assert str(caught.value) == message


def test_all_faults_at_once() -> None:
    with pytest.raises(UsageError, match="heads must be at least 1, not 0; fill must be"):
        Methods(heads=0, fill=-1)


def test_what_was_not_given_comes_from_the_scheme() -> None:
    nothing = dict.fromkeys(("states", "fill", "bits_by", "place", "refit"))
    assert chosen_methods("qssm", "increment", nothing) == DEFAULT
    assert chosen_methods("zhao", "increment", nothing) == PLAIN
    assert chosen_methods("qssm", "increment", {**nothing, "fill": 0, "states": 2.0}) == Methods(
        2.0, None, None, None, 0, "state", True, True, 8, True
    )
    assert chosen_methods("qssm", "increment", {"bits_by": "none"}) == replace(DEFAULT, bits_by=None, place=False)
    assert chosen_methods("qssm", "cartesian", nothing) == replace(DEFAULT, place=False)
    with pytest.raises(UsageError, match="poles are placed on grids of allocated bits"):
        chosen_methods("qssm", "increment", {"bits_by": "none", "place": True})


@pytest.mark.parametrize(
    "given", [{"states": 1.0}, {"fill": 1}, {"refit": True}, {"input_bits": 8}, {"clip": True}, {"bits_by": "head"}]
)
def test_the_published_scheme_takes_none(given: dict[str, Any]) -> None:
    with pytest.raises(UsageError, match="--scheme zhao is the published one and takes none of the methods of qssm"):
        CompileOptions("m", QuantiseOptions("zhao"), methods=chosen_methods("zhao", "increment", given))


def test_fractions_of_bits_need_something_to_share_them_out() -> None:
    with pytest.raises(UsageError, match="must be whole numbers unless --bits-by shares them out"):
        CompileOptions("m", QuantiseOptions(state_bits=8.5))
    CompileOptions("m", QuantiseOptions(state_bits=8.5), methods=FULL)
