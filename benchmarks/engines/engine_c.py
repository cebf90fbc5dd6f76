"""Emitted C engine: a compiled folder behind Engine, and the compilation of a model that has none yet."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from benchmarks.engines.engine import Array, Engine
from qssmc.errors import ToolError, UsageError
from qssmc_sim.emitted_c import EmittedC

NAME = "emitted integer C"


def compile_model(model: Path, folder: Path) -> Path:
    """Run `qssmc compile MODEL --target c -o FOLDER`; its own sentence is passed on when it fails."""
    command = [sys.executable, "-m", "qssmc", "compile", str(model), "--target", "c", "-o", str(folder)]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    if done.returncode:
        # Notes come before it: the last line is the error.
        said = (done.stderr.strip().splitlines() or [f"exit code {done.returncode}"])[-1]
        raise ToolError(f"{model} could not be compiled for the benchmark: {said.removeprefix('qssmc: error: ')}")
    return folder


@contextmanager
def emitted_c(folder: Path) -> Iterator[Engine]:
    """The emitted C of a compiled folder, built and loaded into this process; one call runs whole sequences."""
    if not folder.is_dir():
        raise UsageError(
            f"compiled folder {folder} does not exist; make it with: qssmc compile MODEL --target c -o {folder}"
        )
    with EmittedC(folder / "c") as program:

        def run(samples: Array) -> Array:
            return next(iter(program.run(samples).values()))

        yield Engine(NAME, run, integer=True)
