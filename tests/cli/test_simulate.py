"""`qssmc simulate`: records, tables and pictures of a tiny design on drawn devices, and bad input in one sentence."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from qssmc.cli import main
from qssmc.data import load_split
from qssmc.models import Checkpoint, save_checkpoint
from support.tiny import tiny_checkpoint

FEW = ["--dataset", "digits", "--count", "30", "--trials", "3"]


def _digits_model(folder: Path) -> Path:
    """In the form of the digits, with twelve of them; only the decoder knows any, by least squares."""
    data, made = load_split("digits", "train"), tiny_checkpoint(d_output=10)
    module, seen = made.build(), []
    module.decoder.register_forward_hook(lambda _, given, __: seen.append(given[0]))
    with torch.no_grad():
        module(torch.from_numpy(data.format.to_real(data.samples[:400])))
    features = np.column_stack([seen[0].double().numpy(), np.ones(400)])
    solved = np.linalg.lstsq(features, 8.0 * np.eye(10)[data.labels[:400]], rcond=None)[0].astype(np.float32)
    state = {**made.state, "decoder.weight": torch.tensor(solved[:-1].T), "decoder.bias": torch.tensor(solved[-1])}
    origin = {"data_set": "digits"}
    save_checkpoint(Checkpoint(made.config, state, data.format, 64, data.samples[:12], origin), folder / "tiny.pt")
    return folder / "tiny.pt"


@pytest.fixture(scope="module")
def design(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("simulate")
    flags = ["--target", "crossbar", "--form", "oscillator", "--cell-bits", "8", "--vectors", "4"]
    assert main(["-q", "compile", str(_digits_model(folder)), *flags, "-o", str(folder / "out")]) == 0
    return folder / "out"


def _record(capsys: pytest.CaptureFixture[str], *arguments: str) -> Any:
    capsys.readouterr()
    assert main(["--json", "simulate", *arguments]) == 0
    return json.loads(capsys.readouterr().out)


def test_a_sweep_has_a_point_a_value_and_its_pictures(
    design: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    sweep = ["--sweep", "programming=0,0.3", "-o", str(tmp_path / "made")]
    found = _record(capsys, str(design), *FEW, *sweep)
    still, noisy = found["points"]
    assert (still["value"], noisy["value"]) == (0.0, 0.3)
    assert still["devices"] == [pytest.approx(found["ideal_accuracy"], abs=1e-3)] * 3
    assert set(noisy["devices"]) != set(still["devices"]), "errors of the cells change what devices answer"
    assert noisy["low"] <= noisy["accuracy"] <= noisy["high"]
    cells = np.array([error["cells"] for error in found["arrays"]])
    squares = np.array([error["rms"] for error in found["arrays"]]) ** 2
    assert np.sqrt((cells @ squares) / cells.sum()) == pytest.approx(0.3, rel=0.3), (cells, squares)
    assert json.loads((tmp_path / "made/simulation.json").read_text()) == found
    pictures = {path.name for path in (tmp_path / "made").glob("*.svg")}
    assert pictures == {"accuracy.svg", "error_over_time.svg", "conductances_target.svg", "conductances_held.svg"}


def test_the_default_form_is_simulated_too(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Its arrays hold constants beside what the sequences give."""
    out = str(tmp_path / "out")
    model = str(_digits_model(tmp_path))
    assert main(["-q", "compile", model, "--target", "crossbar", "--vectors", "4", "-o", out]) == 0
    found = _record(capsys, out, *FEW, "--noise", "0", "-o", str(tmp_path / "made"))
    assert found["points"][0]["devices"] == [found["ideal_accuracy"]] * 3
    assert (tmp_path / "made/error_over_time.svg").is_file()


def test_what_the_model_was_trained_on_is_classified(design: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert _record(capsys, str(design), *FEW[2:]) == _record(capsys, str(design), *FEW)
    manifest = design / "manifest.json"
    text = manifest.read_text()
    try:
        manifest.write_text(text.replace('"data_set": "digits"', '"data_set": null'))
        assert main(["-q", "simulate", str(design)]) == 2
    finally:
        manifest.write_text(text)
    assert "give --dataset with one of digits, digits28, mnist" in capsys.readouterr().err


def test_seeds_are_devices_and_jobs_are_not(design: Path, capsys: pytest.CaptureFixture[str]) -> None:
    noisy = [str(design), *FEW, "--noise", "0.3", "--seed"]
    first, again, other = (_record(capsys, *noisy, *more) for more in (["1"], ["1", "--jobs", "2"], ["2"]))
    assert first == again
    assert first["points"][0]["devices"] != other["points"][0]["devices"]


def test_a_refit_learns_from_the_recorded_sequences(design: Path, capsys: pytest.CaptureFixture[str]) -> None:
    found = _record(capsys, str(design), *FEW, "--noise", "0.01", "--correct", "refit")
    assert (found["correction"], found["points"][0]["sequences"]) == ("refit", 30)


def test_the_cheapest_accurate_arrays_are_chosen(design: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Coarse cells lose answers; of choices within so many points, the one with fewer cells wins."""
    choose = ["--choose", "cell-bits=3,8", "--choose", "encoding=four-lane,two-lane", "--noise", "0.02"]
    found = _record(capsys, str(design), *FEW, *choose, "--within", "100")
    assert [(one["weight_bits"], one["encoding"]) for one in found["tried"]] == [
        (3, "four-lane"), (3, "two-lane"), (8, "four-lane"), (8, "two-lane"),
    ]  # fmt: skip
    assert found["chosen"] == min(found["tried"], key=lambda one: (one["arrays"], one["programmed_cells"]))
    cells = {(one["weight_bits"], one["encoding"]): one["programmed_cells"] for one in found["tried"]}
    assert cells[8, "four-lane"] == 2 * cells[8, "two-lane"]
    strict = _record(capsys, str(design), *FEW, *choose, "--within", "0")
    most = max(one["accuracy"] for one in strict["tried"])
    assert strict["tried"] == found["tried"]
    assert strict["chosen"]["accuracy"] == most
    compiled = _record(capsys, str(design), *FEW, "--noise", "0.02")["points"][0]
    assert found["tried"][3]["accuracy"] == compiled["accuracy"]


def test_the_table_names_the_swept_value(design: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["simulate", str(design), *FEW, "--sweep", "read=0.1"]) == 0
    said = capsys.readouterr().out
    assert "read" in said
    assert "worst to best device" in said


@pytest.mark.parametrize(
    ("flags", "message"),
    [
        (["--noise", "-1"], "programming must be a number of at least 0, not -1"),
        (["--sweep", "luck=1"], "--sweep must be NAME=VALUE,VALUE with one of programming,"),
        (["--sweep", "read=much"], "--sweep must be NAME=VALUE,VALUE"),
        (["--age", "60"], "age needs a device that drifts (--device pcm)"),
        (["--choose", "luck=1"], "--choose must be cell-bits=BITS,BITS or encoding=two-lane,four-lane, not luck=1"),
        (["--choose", "weight-bits=4", "--sweep", "read=1"], "--choose goes with neither --sweep nor --output-dir"),
        (["--choose", "weight-bits=9"], "--cell-bits must be 2 (ternary) to 8, not 9"),
        (["--choose", "encoding=four-lane", "--correct", "scale"], "correction scale needs two lanes"),
        (["--correct", "refit", "--calib", "nowhere.npy"], "nowhere.npy"),
    ],
)
def test_bad_wishes_end_with_2(
    design: Path, flags: list[str], message: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["-q", "simulate", str(design), *FEW, *flags]) == 2
    assert message in capsys.readouterr().err


def test_a_digital_design_has_no_array(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    out = str(tmp_path / "out")
    assert main(["-q", "compile", str(_digits_model(tmp_path)), "--target", "c", "--vectors", "1", "-o", out]) == 0
    assert main(["-q", "simulate", out, *FEW]) == 2
    assert "compile the model with --target crossbar" in capsys.readouterr().err
