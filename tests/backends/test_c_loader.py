"""The loader of the emitted C: its errors, its compiler, its temporary folder, and make check."""

from __future__ import annotations

import shutil
import subprocess
from pathlib import Path

import numpy as np
import pytest

from qssmc.errors import MalformedInputError, ToolError, UsageError
from qssmc_sim.emitted_c import EmittedC
from support.emitted import write
from support.graphs import random_s4d
from support.one_op import extreme_samples

FAST = ("-std=c99", "-O0")


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return write(random_s4d([2, 1]), tmp_path)


def test_missing_compiler_names_the_package(folder: Path) -> None:
    with pytest.raises(ToolError, match=r"no-such-cc cannot be started .* apt-get install gcc"):
        EmittedC(folder, cc="no-such-cc")
    with pytest.raises(ToolError, match="apt-get install clang"):
        EmittedC(folder, cc="/no/such/clang")


def test_compile_failure_tells_the_first_error(folder: Path) -> None:
    (folder / "random.c").write_text("int broken(void) { return nothing; }\n")
    with pytest.raises(ToolError, match=r"gcc cannot compile .*random.c: .*error: .*nothing"):
        EmittedC(folder, flags=FAST)


def test_cc_comes_from_the_environment(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CC", "compiler-of-the-environment")
    with pytest.raises(ToolError, match="compiler-of-the-environment"):
        EmittedC(folder)


def test_folder_without_layout_is_refused(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match=r"layout\.json cannot be read"):
        EmittedC(tmp_path)
    (tmp_path / "layout.json").write_text("{")
    with pytest.raises(MalformedInputError, match="is not JSON"):
        EmittedC(tmp_path)


def test_samples_must_fit_the_input(folder: Path) -> None:
    with EmittedC(folder, flags=FAST) as emitted:
        with pytest.raises(UsageError, match=r"samples must fit uint8, but they reach 0\.\.256"):
            emitted.run(np.array([[[0], [256]]]))
        with pytest.raises(UsageError, match="samples must be integers of 1 elements, not int64 of 2"):
            emitted.run(np.zeros((1, 1, 2), np.int64))


def test_stepping_needs_trace_and_reset(folder: Path) -> None:
    samples = np.zeros((2, 1), np.int64)
    with EmittedC(folder, flags=FAST) as emitted, pytest.raises(UsageError, match="create it with trace=True"):
        emitted.reset(2)
    with EmittedC(folder, trace=True, flags=FAST) as emitted:
        with pytest.raises(UsageError, match="there are 0 states, not 2"):
            emitted.step_batch(samples)
        emitted.reset(2)
        assert emitted.step_batch(samples)["u"].shape == (2, 1)


def test_sequences_do_not_influence_each_other(folder: Path) -> None:
    samples = extreme_samples(random_s4d([2, 1]), 1, 5, 20)
    with EmittedC(folder, flags=FAST) as emitted:
        together = emitted.run(samples)["logits"]
        alone = np.concatenate([emitted.run(samples[n : n + 1])["logits"] for n in range(5)])
    assert np.array_equal(together, alone)
    assert len(np.unique(together, axis=0)) > 1


def test_temporary_folder_is_removed(folder: Path) -> None:
    with EmittedC(folder, flags=FAST) as emitted:
        temporary = Path(emitted._temporary.name)
        assert temporary.exists()
    assert not temporary.exists()


def test_make_check_replays_the_vectors(tmp_path: Path) -> None:
    graph = random_s4d([2, 0, 3], output="step")
    folder = write(graph, tmp_path, extreme_samples(graph, 2, 3, 10))
    make = shutil.which("make")
    assert make, "make is missing; install it with: apt-get install make"
    result = subprocess.run([make, "check", "CFLAGS=-O1"], cwd=folder, capture_output=True, text=True, check=False)
    assert result.returncode == 0, result.stderr
    assert "3 sequences of 10 samples: every output is as expected" in result.stdout
    (tmp_path / "vectors" / "samples.txt").write_text("3 10 1\n" + "0 " * 30)
    assert subprocess.run([make, "check"], cwd=folder, capture_output=True, check=False).returncode != 0
