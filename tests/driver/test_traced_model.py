"""Traced models: what is saved comes back, the file is the same twice, and nothing but a sound one is read."""

from __future__ import annotations

import io
import json
import pickle
import zipfile
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

import qssmc
from qssmc.cli import main
from qssmc.driver.live import traced_model
from qssmc.driver.traced_model import TracedModel, load_traced
from qssmc.errors import MalformedInputError, UsageError
from support.own_models import OwnModel, own_samples

EIGHT = qssmc.InputFormat(8, 8, False)


@pytest.fixture(scope="module")
def model() -> TracedModel:
    return traced_model(OwnModel(), own_samples(20), EIGHT, name="own")


def test_a_traced_model_survives_the_round_trip(model: TracedModel, tmp_path: Path) -> None:
    back = load_traced(model.save(str(tmp_path / "deep" / "own.qssm")))
    assert back.graph == model.graph
    assert (back.module, back.name, back.parameters, back.sequence_length) == ("OwnModel", "own", 289, 24)
    assert back.input_format == EIGHT
    assert np.array_equal(back.calibration, model.calibration)
    assert back.calibration.dtype == np.uint8
    assert np.array_equal(back.answers, model.answers)
    assert back.answers.shape == (16, 5)
    assert back.content == model.content
    assert [path.name for path in (tmp_path / "deep").iterdir()] == ["own.qssm"]


def test_another_ending_is_refused(model: TracedModel, tmp_path: Path) -> None:
    with pytest.raises(UsageError, match=r"is saved as FILE\.qssm, not as own\.pt"):
        model.save(tmp_path / "own.pt")


def changed(model: TracedModel, path: Path, change: Callable[[dict[str, bytes]], None]) -> Path:
    """The file with other parts."""
    with zipfile.ZipFile(io.BytesIO(model.content)) as archive:
        parts = {name: archive.read(name) for name in archive.namelist()}
    change(parts)
    with zipfile.ZipFile(path, "w") as archive:
        for name, content in parts.items():
            archive.writestr(name, content)
    return path


def array(values: np.ndarray) -> bytes:
    stream = io.BytesIO()
    np.save(stream, values)
    return stream.getvalue()


def facts(**change: object) -> Callable[[dict[str, bytes]], None]:
    return lambda parts: parts.update({"model.json": json.dumps(json.loads(parts["model.json"]) | change).encode()})


FAULTS: dict[str, tuple[Callable[[dict[str, bytes]], object], str]] = {
    "no IR": (lambda parts: parts.pop("float.ir"), "holds no float.ir"),
    "another format": (facts(format="x"), "is not a traced model"),
    "another version": (facts(version=2), "has version 2, but this qssmc reads version 1"),
    "a wrong input format": (facts(input_format={"width": 99, "frac": 0, "signed": True}), "width of 1 to 32 bits"),
    "no length": (facts(sequence_length=0), "a sequence of 0 steps"),
    "IR that is none": (lambda parts: parts.update({"float.ir": b"graph x"}), "a graph starts with"),
    "IR of another stage": (
        lambda parts: parts.update({"float.ir": b"graph x : integer\n%u : u8[1] = input\noutput y : step = %u\n"}),
        "must be of the float stage",
    ),
    "calibration of other channels": (
        lambda parts: parts.update({"calibration.npy": array(np.zeros((20, 24, 2), np.uint8))}),
        r"integers of shape \(count, length, 1\)",
    ),
    "calibration out of range": (
        lambda parts: parts.update({"calibration.npy": array(np.full((20, 24, 1), 256))}),
        r"must lie in 0\.\.255",
    ),
    "too few outputs": (
        lambda parts: parts.update({"answers.npy": array(np.zeros((16, 4)))}),
        r"answers must be float64 of shape \(16, 5\)",
    ),
    "answers that are no numbers": (
        lambda parts: parts.update({"answers.npy": array(np.full((16, 5), np.nan))}),
        "answers must be finite",
    ),
    "an array that is a pickle": (
        lambda parts: parts.update({"answers.npy": array(np.array([print], object))}),
        "cannot be read as a traced model",
    ),
}


@pytest.mark.parametrize("fault", FAULTS)
def test_a_faulty_file_is_refused_with_the_file_and_the_fault(fault: str, model: TracedModel, tmp_path: Path) -> None:
    change, said = FAULTS[fault]
    path = changed(model, tmp_path / "own.qssm", change)  # type: ignore[arg-type]
    with pytest.raises(MalformedInputError, match=said) as caught:
        load_traced(path)
    assert str(path) in str(caught.value)


def test_a_damaged_or_truncated_file_is_read_or_refused_and_nothing_else(model: TracedModel, tmp_path: Path) -> None:
    path, whole = tmp_path / "own.qssm", model.content
    random = np.random.default_rng(0)
    refused = 0
    for place in random.integers(0, len(whole), 150):
        damaged = bytearray(whole)
        damaged[place] ^= 1 << int(random.integers(8))
        path.write_bytes(damaged if place % 3 else damaged[:place])
        try:
            load_traced(path)
        except MalformedInputError:
            refused += 1
    assert refused > 100


def test_other_files_are_refused(tmp_path: Path) -> None:
    with pytest.raises(MalformedInputError, match="does not exist; write one with qssmc"):
        load_traced(tmp_path / "absent.qssm")
    (tmp_path / "pickle.qssm").write_bytes(pickle.dumps({}))
    with pytest.raises(MalformedInputError, match="cannot be read as a traced model"):
        load_traced(tmp_path / "pickle.qssm")


def test_answers_that_the_ir_does_not_give_stop_the_compilation(model: TracedModel, tmp_path: Path) -> None:
    path = replace(model, answers=model.answers * 1.01).save(tmp_path / "own.qssm")
    with pytest.raises(qssmc.QssmcError, match="differs from the torch module"):
        qssmc.compile(path)


def test_inspect_says_what_is_in_it(model: TracedModel, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = model.save(tmp_path / "own.qssm")
    assert main(["inspect", str(path), "--json"]) == 0
    found = json.loads(capsys.readouterr().out)
    assert (found["kind"], found["module"], found["graph"]) == ("traced model", "OwnModel", "own")
    assert found["calibration"]["sequences"] == 20
    assert found["ops"]["decay"] == 2
