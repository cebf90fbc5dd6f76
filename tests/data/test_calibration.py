"""Calibration data: files, data sets, what comes with the model, and all that cannot be used."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from qssmc.data import InputFormat
from qssmc.data.calibration import load_calibration
from qssmc.data.sequences import Sequences
from qssmc.errors import MalformedInputError, QssmcError, UsageError

FORMAT = InputFormat(8, 8, False)
GOOD = np.arange(2 * 5 * 3, dtype=np.uint8).reshape(2, 5, 3)


def saved(folder: Path, array: Any, name: str = "calib.npy") -> str:
    path = folder / name
    np.save(path, array)
    return str(path)


def load(source: str | None, recorded: NDArray[Any] | None = None, d_input: int = 3, **more: Any) -> Any:
    return load_calibration(source, recorded, more.pop("input_format", FORMAT), d_input, **more)


def refused(*args: Any, **options: Any) -> str:
    with pytest.raises(QssmcError) as caught:
        load(*args, **options)
    assert caught.value.exit_code == 2
    assert "\n" not in str(caught.value)
    return str(caught.value)


@pytest.mark.parametrize("dtype", [np.uint8, np.int16, np.int64, np.uint64])
def test_a_file_of_integers(tmp_path: Path, dtype: Any) -> None:
    samples, origin = load(saved(tmp_path, GOOD.astype(dtype)))
    assert samples.dtype == np.int64
    np.testing.assert_array_equal(samples, GOOD)
    assert origin == "calib.npy"


def test_what_is_recorded_with_the_model() -> None:
    samples, origin = load(None, GOOD)
    np.testing.assert_array_equal(samples, GOOD)
    assert origin == "recorded with the model"


def test_a_file_goes_before_what_is_recorded(tmp_path: Path) -> None:
    samples, _ = load(saved(tmp_path, GOOD[:1]), GOOD)
    assert len(samples) == 1


def test_nothing_at_all_says_what_to_give() -> None:
    message = refused(None)
    assert "this model brings no calibration data; give --calib FILE.npy" in message
    assert "DATASET:COUNT" in message
    assert "digits" in message


@pytest.mark.parametrize("shape", [(0, 5, 3), (2, 0, 3)])
def test_empty_data(tmp_path: Path, shape: tuple[int, ...]) -> None:
    assert "is empty" in refused(saved(tmp_path, np.zeros(shape, np.int64)))
    assert "is empty" in refused(None, np.zeros(shape, np.int64))


@pytest.mark.parametrize("shape", [(2, 5), (2, 5, 1), (2, 5, 4), (), (2, 5, 3, 1)])
def test_shapes_that_disagree(tmp_path: Path, shape: tuple[int, ...]) -> None:
    message = refused(saved(tmp_path, np.zeros(shape, np.int64)))
    assert f"calibration data (calib.npy) must have shape (count, length, 3), not {shape}" in message


@pytest.mark.parametrize("dtype", [np.float32, np.float64, np.bool_, np.complex64])
def test_numbers_that_are_no_integers(tmp_path: Path, dtype: Any) -> None:
    message = refused(saved(tmp_path, GOOD.astype(dtype)))
    assert f"must be integers as the sensor gives them, not {np.dtype(dtype)}" in message


@pytest.mark.parametrize(
    ("bad", "input_format", "words"),
    [
        (256, FORMAT, "must lie in 0..255, the model's input format, not 0..256"),
        (-1, FORMAT, "not -1..29"),
        (2**63 - 1, FORMAT, "0..9223372036854775807"),
        (200, InputFormat(8, 7, True), "must lie in -128..127"),
    ],
)
def test_samples_outside_the_format(tmp_path: Path, bad: int, input_format: InputFormat, words: str) -> None:
    samples = GOOD.astype(np.int64)
    samples[1, 2, 0] = bad
    assert words in refused(saved(tmp_path, samples), input_format=input_format)


def test_files_that_cannot_be_read(tmp_path: Path) -> None:
    whole = Path(saved(tmp_path, np.arange(3000).reshape(100, 10, 3))).read_bytes()
    np.savez(tmp_path / "several.npz", a=GOOD)
    archive = (tmp_path / "several.npz").read_bytes()
    objects = np.empty(1, object)
    np.save(tmp_path / "objects.npy", objects, allow_pickle=True)
    cases = {
        "missing": None,
        "empty": b"",
        "text": b"1,2,3\n",
        "truncated": whole[:200],
        "header alone": whole[:40],
        "archive": archive,
        "broken archive": archive[:60],
        "pickle": (tmp_path / "objects.npy").read_bytes(),
        "strange header": whole.replace(b"'shape': (100", b"'shape': ((((", 1),
        "other version": whole[:6] + b"\x09\x09" + whole[8:],
    }
    for name, content in cases.items():
        path = tmp_path / "bad.npy"
        path.unlink(missing_ok=True)
        if content is not None:
            path.write_bytes(content)
        with pytest.raises(MalformedInputError, match=r"calibration file .*bad\.npy") as caught:
            load(str(path))
        assert caught.value.exit_code == 2, name
    (tmp_path / "folder.npy").mkdir()
    with pytest.raises(MalformedInputError, match=r"folder\.npy cannot be read"):
        load(str(tmp_path / "folder.npy"))


@pytest.mark.parametrize("source", ["imagenet", "mnist:0", "mnist:-1", "mnist:x", "", ":5", "digits:1:2", "calib.csv"])
def test_sources_that_are_neither(source: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("qssmc.data.calibration.load_split", lambda *_: pytest.fail("nothing may be loaded"))
    message = refused(source)
    assert "--calib must be FILE.npy or DATASET:COUNT with one of" in message
    assert repr(source) in message


def test_a_draw_from_a_data_set(monkeypatch: pytest.MonkeyPatch) -> None:
    everything = np.random.default_rng(0).integers(0, 256, (300, 4, 1))
    data = Sequences(everything, np.zeros(300, np.int64), FORMAT)
    asked: list[tuple[Any, ...]] = []

    def split(*args: Any) -> Sequences:
        asked.append(args)
        return data

    monkeypatch.setattr("qssmc.data.calibration.load_split", split)
    samples, origin = load("digits:7", d_input=1, seed=3, data=Path("/somewhere"))
    assert asked == [("digits", "train", Path("/somewhere"))]
    assert (samples.shape, origin) == ((7, 4, 1), "digits:7 (seed 3)")
    np.testing.assert_array_equal(samples, data.take(7, 3).samples)
    assert not np.array_equal(samples, load("digits:7", d_input=1, seed=4)[0])
    assert load("digits", d_input=1)[1] == "digits:128 (seed 0)"
    assert load("digits:1000000", d_input=1)[1] == "digits:300 (seed 0)"
    assert "its samples are" in refused("digits:7", d_input=1, input_format=InputFormat(5, 4, False))


def test_the_digits_themselves() -> None:
    samples, origin = load("digits:5", d_input=1, input_format=InputFormat(5, 4, False), seed=1)
    assert samples.shape[0] == 5
    assert samples.shape[2] == 1
    assert origin == "digits:5 (seed 1)"


def test_both_error_classes_are_those_of_a_user() -> None:
    assert {UsageError.exit_code, MalformedInputError.exit_code} == {2}
