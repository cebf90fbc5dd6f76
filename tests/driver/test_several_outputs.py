"""Several outputs of a live module: names, kinds and numbers of each, from the forward to the emitted files."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from torch import nn

import qssmc
from qssmc.driver.live import traced_model
from qssmc.errors import UnsupportedModelError, UsageError
from qssmc.frontend import trace
from qssmc.frontend.answers import joined, parted
from qssmc.frontend.compare import answers_of
from qssmc.ir import parse
from qssmc.ir.answers import answering, kinds_of, labelled_output
from qssmc.models import S4D
from qssmc_sim import run

FORMAT = qssmc.InputFormat(8, 8, False)


class Heads(nn.Module):
    """A quantity at every step, and a class of the mean; how they are returned is asked for."""

    def __init__(self, form: str) -> None:
        super().__init__()
        torch.manual_seed(0)
        self.form, self.encoder, self.s4d = form, nn.Linear(2, 4), S4D(4, 2)
        self.level, self.label = nn.Linear(4, 1), nn.Linear(4, 3)

    def forward(self, u: torch.Tensor) -> Any:
        x = torch.tanh(self.s4d(self.encoder(u)))
        level, label = self.level(x), self.label(x.mean(1))
        forms: dict[str, Any] = {
            "tuple": (level, label),
            "with none": (level, None, label),
            "dict": {"level": level, "the label": label},
            "one": (label, None),
            "last": (None, label),
            "same": {"a b": level, "a_b": label},
            "number": (level, 3),
        }
        return forms[self.form]


def samples() -> np.ndarray:
    return np.random.default_rng(0).integers(0, 256, (6, 20, 2))


@pytest.mark.parametrize(
    ("form", "outputs"),
    [
        ("tuple", [("y0", "step"), ("y1", "last")]),
        ("with none", [("y0", "step"), ("y2", "last")]),
        ("dict", [("level", "step"), ("the_label", "last")]),
        ("one", [("y", "last")]),
        ("last", [("y1", "last")]),
    ],
)
def test_every_tensor_that_is_returned_is_an_output(form: str, outputs: list[tuple[str, str]]) -> None:
    model = traced_model(Heads(form).eval(), samples(), FORMAT)
    assert [(output.name, output.when) for output in model.graph.outputs] == outputs
    real = FORMAT.to_real(samples()).astype(np.float64)
    found = run(model.graph, real).outputs
    names = [name for name, _ in outputs]
    wanted = answers_of(Heads(form).eval(), real, outputs=names)
    assert np.array_equal(wanted, model.answers if len(names) > 1 else model.answers.reshape(wanted.shape))
    for (name, _), part in zip(outputs, parted(wanted, [found[name].shape[1:] for name in names]), strict=True):
        np.testing.assert_allclose(found[name], part, rtol=1e-6, atol=1e-6)
    assert np.array_equal(joined(parted(wanted, [found[name].shape[1:] for name in names])), wanted)


@pytest.mark.parametrize(
    ("form", "message"), [("same", "outputs of one name (a_b, a_b)"), ("number", "not 3, or several")]
)
def test_what_is_no_output_is_refused(form: str, message: str) -> None:
    with pytest.raises(UnsupportedModelError, match=re.escape(message)):
        trace(Heads(form).eval(), 2)


def test_a_design_of_several_outputs(tmp_path: Path) -> None:
    """Compiled, verified, loaded, saved and compiled again; each output has its kind, its macros and its error."""
    module = Heads("dict").eval()
    said = "the_label=class,level=values"
    keywords: dict[str, Any] = {"calibration": samples(), "input_format": FORMAT, "name": "heads"}
    design = qssmc.compile(module, target=["c", "onnx"], output_dir=tmp_path / "out", answer=said, **keywords)
    assert qssmc.verify(tmp_path / "out")
    header = (tmp_path / "out" / "c" / "heads.h").read_text()
    assert "#define HEADS_OUTPUT_LEVEL 1" in header
    assert "#define HEADS_OUTPUT_THE_LABEL 3" in header
    golden = parse(next((tmp_path / "out" / "ir").glob("*_prove.ir")).read_text())
    assert {output.name: output.kind for output in golden.outputs} == {"level": "values", "the_label": "class"}
    loaded = qssmc.load(tmp_path / "out", engine="c")
    found = loaded.run(samples())
    wanted = run(golden, samples()).outputs
    assert set(found) == {"level", "the_label"}
    assert all(np.array_equal(found[name], wanted[name]) for name in wanted)
    real = loaded.to_real(found["level"], name="level")
    truth = module(torch.from_numpy(FORMAT.to_real(samples())))["level"].detach().numpy()
    assert np.sqrt(((real - truth) ** 2).mean()) < 0.1 * truth.std()
    path = qssmc.save(module, tmp_path / "heads.qssm", answer=said, **keywords)
    again = qssmc.compile(path, target="c", output_dir=tmp_path / "again")
    assert (
        next((tmp_path / "again" / "ir").glob("*_prove.ir")).read_text()
        == next((tmp_path / "out" / "ir").glob("*_prove.ir")).read_text()
    )
    assert design
    assert again


def test_kinds_by_name() -> None:
    graph = trace(Heads("tuple").eval(), 2)
    assert [output.kind for output in answering(graph, "y1=class").outputs] == ["values", "class"]
    assert [output.kind for output in answering(graph, "flags").outputs] == ["flags", "flags"]
    assert labelled_output(graph).name == "y0"
    assert labelled_output(answering(graph, "y1=class")).name == "y1"
    with pytest.raises(UsageError, match="there is no output z; there are y0, y1"):
        answering(graph, "z=class")
    with pytest.raises(UsageError, match="output y0: a class is decided between two elements"):
        answering(graph, "y0=class")


@pytest.mark.parametrize("text", ["", "classes", "y0=class,flags", "y0=class,y0=flags", "y0=", "class,values"])
def test_texts_that_say_no_kind_are_refused(text: str) -> None:
    with pytest.raises(UsageError, match="--answer must be one of class, flags, values, or such for each output"):
        kinds_of(text)
