"""The front door: a module of one's own compiles, verifies, runs and travels in a file, the same in Python and CLI."""

from __future__ import annotations

import hashlib
import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from torch import nn

import qssmc
from qssmc.cli import main
from qssmc.errors import MalformedInputError, UnsupportedModelError, UsageError, VerificationError
from qssmc.models import load_checkpoint, save_checkpoint
from support.own_models import LENGTH, OwnModel, own_samples
from support.tiny import tiny_checkpoint, tiny_model

EIGHT = qssmc.InputFormat(8, 8, False)
ROOT = Path(__file__).parents[2]


def tree(folder: Path) -> dict[str, bytes]:
    return {str(path.relative_to(folder)): path.read_bytes() for path in sorted(folder.rglob("*")) if path.is_file()}


@pytest.mark.parametrize("pooled", [True, False])
def test_a_module_of_ones_own_in_python_and_from_its_file(pooled: bool, tmp_path: Path) -> None:
    module = OwnModel(pooled=pooled)
    given = {"calibration": own_samples(), "input_format": EIGHT}
    design = qssmc.compile(module, **given, target="c", output_dir=tmp_path / "python", bits="W6A8")
    verified = qssmc.verify(tmp_path / "python")
    assert verified.sequences == 12
    assert verified.targets == ("C",)
    assert design.summary["float_check_relative_error"] < 1e-9
    assert design.golden.stage == "integer"
    assert module.training, "the user's module stays as it is"
    for number, path in enumerate((design.save(tmp_path / "a.qssm"), qssmc.save(module, tmp_path / "b.qssm", **given))):
        out = tmp_path / f"cli{number}"
        assert main(["-q", "compile", str(path), "--target", "c", "-o", str(out), "--bits", "W6A8"]) == 0
        assert tree(out) == tree(tmp_path / "python")
    qssmc.compile(qssmc.load_traced(tmp_path / "a.qssm"), bits="W6A8").write(tmp_path / "loaded")
    assert tree(tmp_path / "loaded") == tree(tmp_path / "python")
    assert "c/ownmodel.c" in design.files


def test_a_module_of_ones_own_in_verilog(tmp_path: Path) -> None:
    given = {"calibration": own_samples(), "input_format": EIGHT, "name": "own"}
    qssmc.compile(OwnModel(), **given, target=("c", "verilog"), output_dir=tmp_path / "out", lanes=2, vectors=3)
    assert qssmc.verify(tmp_path / "out", sequences=1).targets == ("C", "Verilog")
    assert qssmc.verify(tmp_path / "out", target="verilog", sequences=1).targets == ("Verilog",)


def test_command_line_and_python_give_the_same_bytes(tmp_path: Path) -> None:
    model = tiny_model(tmp_path)
    options = {"target": ["c", "hls"], "vectors": 2, "lanes": 4, "bits": "W4A6", "state_bits": 9, "input_bits": 6}
    qssmc.compile(model, output_dir=tmp_path / "python", **options)
    flags = ["--target", "c,hls", "--vectors", "2", "--lanes", "4", "--bits", "W4A6", "--state-bits", "9"]
    assert main(["-q", "compile", str(model), "-o", str(tmp_path / "cli"), *flags, "--input-bits", "6"]) == 0
    assert tree(tmp_path / "python") == tree(tmp_path / "cli")


def test_a_checkpoint_is_its_file(tmp_path: Path) -> None:
    path = tiny_model(tmp_path)
    design = qssmc.compile(load_checkpoint(path), name="tiny")
    assert design.files == qssmc.compile(str(path)).files
    with pytest.raises(UsageError, match="was compiled from a file"):
        design.save(tmp_path / "x.qssm")


@pytest.mark.parametrize("engine", ["golden", "c", "hls", "onnx"])
@pytest.mark.parametrize("pooled", [True, False])
def test_a_loaded_design_runs_as_golden(engine: str, pooled: bool, tmp_path: Path) -> None:
    samples = own_samples(channels=2)
    targets = "c" if engine == "golden" else engine
    module = OwnModel(2, pooled=pooled)
    qssmc.compile(module, calibration=samples, input_format=EIGHT, target=targets, output_dir=tmp_path / "out")
    wanted = np.load(tmp_path / "out" / "vectors" / "y.npy")
    with qssmc.load(tmp_path / "out", engine=engine) as design:
        found = design.run(samples)
        assert np.array_equal(found, wanted)
        assert np.array_equal(design.run(samples[3]), wanted[3])
        with torch.no_grad():
            real = module.eval()(torch.from_numpy(EIGHT.to_real(samples))).numpy()
        assert np.abs(design.to_real(found, steps=LENGTH) - real).max() < 0.05 * np.abs(real).max()
        assert np.array_equal(design.to_samples(EIGHT.to_real(samples)), samples)
        assert repr(engine) in repr(design)
        for _ in range(2):
            design.reset()
            steps = [design.step(sample) for sample in samples[3]]
            answers = design.last() if pooled else np.stack(steps)
            assert np.array_equal(answers, wanted[3])
        design.reset(12)
        steps = [design.step(samples[:, t]) for t in range(LENGTH)]
        assert np.array_equal(design.last() if pooled else np.stack(steps, axis=1), wanted)


def test_misuse_of_a_loaded_design_is_said(tmp_path: Path) -> None:
    qssmc.compile(OwnModel(), calibration=own_samples(), input_format=EIGHT, output_dir=tmp_path / "out")
    design = qssmc.load(tmp_path / "out")
    for call, said in (
        (lambda: design.run(np.zeros((2, 3, 1))), "must be integers as the sensor gives them"),
        (lambda: design.run(np.zeros((2, 3, 2), int)), "must have shape .* of 1 channels"),
        (lambda: design.run([[256]]), r"must lie in 0\.\.255, not 256\.\.256"),
        (design.last, r"no step\(\) yet"),
        (lambda: design.reset(0), "at least 1 sequence"),
        (lambda: design.to_real(np.zeros(5)), "give steps, how many there were"),
        (lambda: design.to_real(np.zeros(5), name="z"), "output must be one of y"),
        (lambda: design.to_samples([[2.0]]), r"hold 0\.\.255, not 512\.\.512"),
        (lambda: qssmc.load(tmp_path / "out", engine="hls"), "holds no hls; compile the model with --target hls"),
        (lambda: qssmc.load(tmp_path / "out", engine="fast"), "engine must be one of golden, c"),
        (lambda: qssmc.load(tmp_path), "is not a compiled design"),
    ):
        with pytest.raises(UsageError, match=said):
            call()
    design.step([1])
    with pytest.raises(UsageError, match=r"there are 1 sequences, not 2; call reset\(2\) first"):
        design.step([[1], [2]])
    (tmp_path / "out" / "ir" / "00_float.ir").write_text("")
    with pytest.raises(VerificationError, match="is not what was compiled"):
        qssmc.load(tmp_path / "out")


@pytest.mark.parametrize("version", [qssmc.__version__, "0.0.1"])
def test_a_forged_layout_is_told_whatever_its_hash_says(version: str, tmp_path: Path) -> None:
    out = tmp_path / "out"
    qssmc.compile(OwnModel(), calibration=own_samples(), input_format=EIGHT, output_dir=out)
    layout, manifest = (json.loads((out / name).read_text()) for name in ("c/layout.json", "manifest.json"))
    layout["outputs"] = [{"name": "y"}]
    forged = json.dumps(layout).encode()
    (out / "c" / "layout.json").write_bytes(forged)
    manifest["qssmc"], manifest["files"]["c/layout.json"] = version, hashlib.sha256(forged).hexdigest()
    (out / "manifest.json").write_text(json.dumps(manifest))
    if version == qssmc.__version__:
        with pytest.raises(VerificationError, match=r"c/layout\.json was edited"):
            qssmc.load(out, engine="c")
    else:  # may have been emitted otherwise
        said = r"what c/layout\.json and .* say of the emitted files does not fit them \(KeyError"
        with qssmc.load(out, engine="c") as design, pytest.raises(MalformedInputError, match=said):
            design.run(own_samples(1))


def compiled(module: Any = None, **given: Any) -> Any:
    return qssmc.compile(OwnModel() if module is None else module, vectors=1, **given)


def test_calibration_as_people_have_it() -> None:
    samples = own_samples()
    plain = compiled(calibration=samples, input_format=EIGHT).files
    assert compiled(calibration=torch.from_numpy(samples), input_format=EIGHT).files == plain
    assert compiled(calibration=samples[:, :, 0], input_format=EIGHT).files == plain
    assert compiled(calibration=samples.tolist(), input_format=EIGHT).files == plain
    said: list[str] = []
    assert compiled(calibration=samples / 256, say=said.append).files == plain
    assert "unsigned 8-bit integers with 8 fractional bits (proposed for their range" in said[0]
    assert compiled(calibration=torch.from_numpy(samples).bfloat16() / 256, input_format=EIGHT).files == plain
    assert compiled(calibration=samples / 256 + 1e-4, input_format=EIGHT, say=said.append).files == plain
    assert any("(as given), rounded by 1.0e-04 at most" in sentence for sentence in said)
    assert compiled(OwnModel().half(), calibration=samples, input_format=EIGHT).files.keys() == plain.keys()


@pytest.mark.parametrize(
    ("given", "said"),
    [
        ({}, r"give calibration, an array \(count, length, channels\)"),
        ({"calibration": own_samples()}, "calibration of integers needs input_format"),
        ({"calibration": own_samples().astype(int) + 1, "input_format": EIGHT}, r"must lie in 0\.\.255"),
        ({"calibration": np.full((2, 3, 1), np.nan)}, "6 values that are NaN or infinite"),
        ({"calibration": np.zeros((0, 3, 1))}, "is empty"),
        ({"calibration": np.zeros((1, 2, 3, 4))}, r"must have shape \(count, length, channels\), not \(1, 2, 3, 4\)"),
        ({"calibration": [[1], [1, 2]]}, "all sequences have one length"),
        ({"calibration": "nonsense"}, "needs input_format"),
        ({"calibration": np.array(["a"])}, "must be an array of numbers"),
        ({"calibration": np.zeros((3, 4, 2))}, "fails on sequences|do not fit together"),
        (
            {"calibration": own_samples(), "input_format": EIGHT, "bit": "W4A6"},
            "there is no option bit; did you mean bits?",
        ),
        (
            {"calibration": own_samples(), "input_format": EIGHT, "state_bits": "9"},
            "--state-bits must be a number, not '9'",
        ),
        ({"calibration": own_samples(), "input_format": EIGHT, "vectors": True}, "--vectors must be a whole number"),
        ({"calibration": own_samples(), "input_format": EIGHT, "bits": 8}, "--bits must be text, not 8"),
        ({"calibration": own_samples(), "input_format": EIGHT, "scheme": "x"}, "--scheme must be one of qssm, zhao"),
        ({"calibration": own_samples(), "input_format": EIGHT, "clip": 1}, "--clip must be True or False, not 1"),
        ({"calibration": own_samples(), "input_format": EIGHT, "target": "fpga"}, "--target must be"),
    ],
)
def test_calibration_and_options_that_cannot_be_used(given: dict[str, Any], said: str) -> None:
    with pytest.raises((UsageError, UnsupportedModelError), match=said.replace("?", r"\?")):
        qssmc.compile(OwnModel(), **given)


def test_an_array_that_fits_in_two_ways_is_refused() -> None:
    with pytest.raises(UsageError, match=r"could be \(count, length\) or \(length, channels\), which fit;"):
        qssmc.compile(nn.Sequential(nn.Tanh()), calibration=np.zeros((4, 6)))


def test_what_is_no_model() -> None:
    with pytest.raises(UsageError, match=r"must be a torch\.nn\.Module, a path"):
        qssmc.compile(3)  # type: ignore[arg-type]
    with pytest.raises(UsageError, match="a checkpoint brings its own"):
        qssmc.compile(tiny_checkpoint(), calibration=own_samples())
    with pytest.raises(MalformedInputError, match="does not exist"):
        qssmc.compile("absent.pt")


def test_an_existing_folder_is_refused_before_any_work(tmp_path: Path) -> None:
    (tmp_path / "out").mkdir()
    (tmp_path / "out" / "thesis.txt").write_text("years of work")
    with pytest.raises(UsageError, match="exists; give another one"):
        qssmc.compile("absent.pt", output_dir=tmp_path / "out")


def test_importing_qssmc_is_quick_and_needs_no_torch() -> None:
    code = (
        "import sys, qssmc; assert not {'torch', 'numpy', 'click'} & set(sys.modules); "
        "import qssmc.driver.api; assert 'torch' not in sys.modules; assert set(qssmc.__all__) <= set(dir(qssmc)); "
        "[getattr(qssmc, name) for name in qssmc.__all__]; import qssmc.verification; "
        "assert callable(qssmc.verify)"
    )
    subprocess.run([sys.executable, "-c", code], check=True, cwd=ROOT)
    with pytest.raises(AttributeError, match="has no attribute 'nothing'"):
        qssmc.nothing  # noqa: B018


@pytest.mark.parametrize("sequences", [0, -1, True, "a"])
def test_a_number_of_sequences_that_is_none(sequences: Any, tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="sequences must be a whole number of at least 1"):
        qssmc.verify(tmp_path, sequences=sequences)


def test_a_module_is_no_checkpoint(tmp_path: Path) -> None:
    with pytest.raises(
        UsageError, match=r"takes a qssmc\.models\.Checkpoint .*, not OwnModel; a torch module is saved with"
    ):
        save_checkpoint(OwnModel(), tmp_path / "a.pt")  # type: ignore[arg-type]
    with pytest.raises(UsageError, match="is written to a file"):
        save_checkpoint(tiny_checkpoint(), tmp_path)
