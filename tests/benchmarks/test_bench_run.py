"""The benchmark's run: turns, table, JSON, the line on the test images, and what a wrong flag says."""

from __future__ import annotations

import gzip
import io
import json
import struct
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

ROOT = Path(__file__).resolve().parents[2]


def _bench(*arguments: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "benchmarks.engines", *arguments]
    return subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)


def test_the_engines_take_turns_and_each_round_starts_with_another() -> None:
    from benchmarks.engines.timing import Task, interleave

    calls: list[str] = []
    tasks = [Task(name, lambda name=name: calls.append(name), 10) for name in "abc"]
    found = interleave(tasks, rounds=4, seconds=1e-12)
    assert "".join(calls) == "aabbcc" + "abc" + "bca" + "cab" + "abc"
    assert [row.name for row in found] == ["a", "b", "c"]
    assert all(0 < row.minimum <= row.median <= row.maximum for row in found)


def test_a_turn_is_repeated_until_its_time_is_filled() -> None:
    import time

    from benchmarks.engines.timing import Task, interleave

    calls: list[int] = []

    def call() -> None:
        calls.append(1)
        time.sleep(0.002)

    row = interleave([Task("sleep", call, 4)], rounds=1, seconds=0.04)[0]
    assert 2 + 5 < len(calls) <= 2 + 20
    assert row.minimum >= 0.002e9 / 4
    assert row.stolen > 0.5, "a sleeping task hands its core away"


def test_the_table_of_a_small_model(checkpoint: Path, tmp_path: Path) -> None:
    target = tmp_path / "numbers.json"
    done = _bench("--models", str(checkpoint), "--peers", "--rounds", "1", "--seconds", "0.001", "--json", str(target))
    assert done.returncode == 0, done.stderr
    for word in ("small: ns a step and sequence", "ONNX Runtime Scan", "PyTorch eager step", "numba", "onnxruntime"):
        assert word in done.stdout
    assert "faster than" not in done.stdout, "without the emitted C there is nothing to compare"
    numbers = json.loads(target.read_text())
    (model,) = numbers["models"]
    assert len(model["engines"]) == 7
    assert all(row["minimum"] > 0 and row["ratio"] is None for row in model["engines"])
    assert numbers["machine"]["cpu"]


def test_the_factor_is_the_ratio_of_the_medians() -> None:
    from rich.console import Console

    from benchmarks.engines.report import Report
    from benchmarks.engines.timing import Timing

    rows = [Timing("emitted integer C", 400.0, 1, 1, 0.0), Timing("ONNX Runtime Scan", 5000.0, 1, 1, 0.2)]
    report = Report("S4D-64", "2 sequences", "wall", rows, "emitted integer C", 0.995)
    screen = io.StringIO()
    report.show(Console(file=screen, width=200))
    assert "S4D-64: 12.5 x faster than ONNX Runtime Scan (asked: 10x)" in screen.getvalue()
    assert "decides as the float model on 99.5% of them" in screen.getvalue()
    assert "other programs took up to 20% of the core" in screen.getvalue()
    assert [row["ratio"] for row in report.to_json()["engines"]] == [1.0, 12.5]


def test_the_test_images_are_counted_right(tmp_path: Path) -> None:
    from benchmarks.engines.accuracy import evaluate
    from benchmarks.engines.engine import Engine

    labels = np.array([3, 1, 4], np.uint8)
    folder = tmp_path / "mnist"
    folder.mkdir()
    images = np.zeros((3, 28, 28), np.uint8)
    images[:, 0, 0] = [3, 1, 5]
    for name, array in (("t10k-images-idx3", images), ("t10k-labels-idx1", labels)):
        head = struct.pack(f">HBB{array.ndim}I", 0, 8, array.ndim, *array.shape)
        (folder / f"{name}-ubyte.gz").write_bytes(gzip.compress(head + array.tobytes()))
        (folder / f"{name.replace('t10k', 'train')}-ubyte.gz").write_bytes(b"")
    first_pixel = Engine("first pixel", lambda samples: np.eye(10)[samples[:, 0, 0]], integer=True)
    found = evaluate("S4D-16", first_pixel, str(tmp_path))
    assert found.images == 3
    assert found.accuracy == pytest.approx(2 / 3)
    assert found.to_json()["asked_seconds"] == 20


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        (("--rounds", "0"), "--rounds must be at least 1"),
        (("--seconds", "0"), "--seconds above 0"),
        (("--peers", "--eval"), "leave --peers out"),
        (("--compiled", "S4D-16"), "--compiled must be MODEL=DIR, not S4D-16"),
        (("--models", "gone.pt"), "gone.pt does not exist"),
    ],
)
def test_a_wrong_flag_is_one_sentence_and_exit_code_2(
    arguments: tuple[str, ...], sentence: str, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    from benchmarks.engines import __main__ as bench

    monkeypatch.setattr(bench, "pin", lambda: None)
    assert bench.main([*arguments]) == 2
    error = capsys.readouterr().err
    assert sentence in error
    assert error.count("\n") == 1


def test_a_number_file_that_cannot_be_written_is_one_sentence(tmp_path: Path) -> None:
    from benchmarks.engines import __main__ as bench
    from qssmc.errors import UsageError

    with pytest.raises(UsageError, match="cannot be written"):
        bench._write({}, tmp_path / "missing" / "numbers.json")
