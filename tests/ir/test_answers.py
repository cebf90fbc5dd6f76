"""What a class of ops must say of itself: one that is silent cannot be defined, and all that ask get the answer."""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from qssmc.analysis import scales
from qssmc.ir import Graph, Output, Table, Type
from qssmc.ir.draw import draw
from qssmc.ir.ops import EVERY_STAGE, OPS, REAL_STAGES, STAGES, Move, Op, Precision, Types, Widths
from qssmc.ir.ops.op import holding
from qssmc.report.effort import effort_report
from qssmc.search.variables import function_tables_of, variables_of

ROOT = Path(__file__).parents[2]
ANSWERS: dict[str, Any] = {
    "stages": REAL_STAGES,
    "nature": "nonlinear",
    "analog": "digital",
    "granularity": "table",
    "holds": holding(gain="factors"),
    "rule": lambda self, operands: operands[0],
    "products": lambda self, bits: [bits.operands[0] * bits.table(self.gain)],
}


def define(**answers: Any) -> type[Op]:
    """A throwaway class of ops with one table."""
    return type("Throwaway", (Op,), {"mnemonic": "throwaway", "__annotations__": {"gain": "Table"}, **answers})


@pytest.mark.parametrize("missing", ANSWERS)
def test_an_op_that_leaves_a_question_open_cannot_be_defined(missing: str) -> None:
    assert issubclass(define(**ANSWERS), Op)
    with pytest.raises(TypeError, match=rf"^the op throwaway \(Throwaway\) must say its {missing}$"):
        define(**{name: answer for name, answer in ANSWERS.items() if name != missing})


def test_all_open_questions_are_named_at_once() -> None:
    with pytest.raises(TypeError, match=r"must say its stages, nature, analog, granularity, holds, rule, products$"):
        define()


@pytest.mark.parametrize(("held", "names"), [({}, "none"), ({"gain": "factors", "heads": "biases"}, "gain, heads")])
def test_every_table_of_an_op_must_say_what_it_holds(held: dict[str, Any], names: str) -> None:
    with pytest.raises(TypeError, match=f"each of its tables holds: it has gain, and `holds` names {names}$"):
        define(**{**ANSWERS, "holds": holding(**held)})


@dataclass(frozen=True)
class Bend(Op):
    """gain * x^2, and one table makes it: an op that no other file has heard of."""

    gain: Table
    mnemonic = "bend"
    stages = REAL_STAGES
    nature = "nonlinear"
    analog = "digital"
    granularity = "table"
    holds = holding(gain="factors")

    def rule(self, operands: Types) -> Type:
        return operands[0]

    def products(self, bits: Precision) -> Iterable[Widths]:
        yield bits.operands[0] ** 2
        yield bits.operands[0] * bits.table(self.gain)


def test_a_new_op_is_counted_searched_and_drawn_by_its_own_answers() -> None:
    pair = Type((2,))
    u = STAGES["float"][0](name="u", type=pair)
    y = Bend(Table.real([1.0, 2.0]), name="y", type=pair, inputs=("u",))
    graph = Graph("t", "discrete", (u, y), {}, (Output("y", "y", "step"),))
    effort = effort_report(graph, graph)["float32"]
    assert (effort["macs"], effort["ace"]) == (4, 4 * 32 * 32)
    assert [knob.name for knob in variables_of(graph, graph, (8, 8))] == ["y.gain"]
    assert [(curve.before, curve.after) for curve in function_tables_of(graph)] == [("u", "y")]
    assert scales.result_scale(y, (np.ones(2),)) is None
    assert "lut or nonlinearity" in draw(graph)


@pytest.mark.parametrize("op", STAGES["quantised"], ids=lambda op: op.mnemonic)
def test_every_op_of_the_quantised_stage_has_a_scale_or_says_that_it_has_none(op: type[Op]) -> None:
    ruled = op in scales._RULES
    assert ruled != (op.nature in ("nonlinear", "state") or issubclass(op, Move) or op.mnemonic == "input")


@pytest.mark.parametrize("op", OPS, ids=lambda op: op.mnemonic)
def test_stages_are_named_in_order(op: type[Op]) -> None:
    assert op.stages
    assert list(op.stages) == [stage for stage in EVERY_STAGE if stage in op.stages]
    assert (op.analog == "move") == issubclass(op, Move)


def test_the_guide_names_every_answer_and_files_that_exist() -> None:
    text = (ROOT / "docs" / "adding-an-op.md").read_text(encoding="utf-8")
    assert all(f"| `{name}` |" in text for name in ANSWERS)
    places = [place for place in re.findall(r"`([\w/.-]+/[\w./-]+)`", text) if not place.startswith("http")]
    assert len(places) > 20
    for place in places:
        assert (ROOT / place).exists() or (ROOT / "compiler" / "qssmc" / place).exists(), place
