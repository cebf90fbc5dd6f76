"""Stages of a crossbar design against each other: as compiled they agree, and a changed weight in any is found."""

from __future__ import annotations

import shutil
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from qssmc.cli import main
from qssmc.crossbar import read_map
from qssmc.errors import VerificationError
from qssmc.ir import Graph, Table, parse, print_graph
from qssmc.ir.ops import Matvec, Xbar
from qssmc.verification.weight_map import DIGITAL, FUSED, HEADS, IDEAL, check_stages
from support.tiny import LENGTH, tiny_model

FORMS = {  # stages that are compared, and what is counted
    "incremental-lookahead": ((FUSED, IDEAL), ["ideal = fused"]),
    "incremental": ((DIGITAL, FUSED, IDEAL), ["ideal = fused", "fused = unfused"]),
    "oscillator": ((HEADS, IDEAL), ["reads = heads"]),
}


@pytest.fixture(scope="module")
def designs(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder a form."""
    folder = tmp_path_factory.mktemp("stages")
    model = str(tiny_model(folder))
    for form in FORMS:
        flags = ["--target", "crossbar", "--form", form, "--vectors", "2"]
        assert main(["-q", "compile", model, *flags, "-o", str(folder / form)]) == 0
    return folder


def checked(folder: Path) -> dict[str, int]:
    """What the check compares on three random sequences."""
    samples = np.random.default_rng(3).integers(0, 256, (3, LENGTH, 1))
    return dict(check_stages(folder, read_map(folder / "crossbar"), samples, lambda *_: None))


def other_weight(graph: Graph) -> Graph:
    """The largest weight of the first matrix has the other sign."""
    op = next(op for op in graph.ops if isinstance(op, (Matvec, Xbar)))
    weight = op.weight.data.copy()
    at = np.unravel_index(np.abs(weight).argmax(), weight.shape)
    assert weight[at] != 0
    weight[at] *= -1
    changed = replace(op, weight=Table.integer(weight))
    return replace(graph, ops=tuple(changed if one is op else one for one in graph.ops))


@pytest.mark.parametrize("form", FORMS)
def test_stages_agree_as_compiled(designs: Path, form: str) -> None:
    assert checked(designs / form) == dict.fromkeys(FORMS[form][1], 3 * 5)


@pytest.mark.parametrize(("form", "stage"), [(form, stage) for form, (stages, _) in FORMS.items() for stage in stages])
def test_a_changed_weight_is_found(designs: Path, form: str, stage: str, tmp_path: Path) -> None:
    folder = Path(shutil.copytree(designs / form, tmp_path / "out"))
    (path,) = (folder / "ir").glob(f"*_{stage}.ir")
    path.write_text(print_graph(other_weight(parse(path.read_text()))))
    culprit = {"oscillator": "the graph of the arrays"}.get(form, "the fused graph|the graph of arrays with ideal")
    with pytest.raises(VerificationError, match=culprit):
        checked(folder)
