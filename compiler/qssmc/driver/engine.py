"""Engine: what runs a target of a compiled folder, once its files of layout are those that the golden IR gives."""

from __future__ import annotations

from pathlib import Path
from types import TracebackType
from typing import Any, Self

import numpy as np
from numpy.typing import NDArray

from qssmc.artifact.manifest import read_manifest
from qssmc.data.npy import read_npy
from qssmc.driver.emitted_again import check_text, emitted_again
from qssmc.errors import MalformedInputError
from qssmc.ir.graph import Graph
from qssmc.targets.executable import Executable, Outputs
from qssmc.targets.registry import BACKENDS
from qssmc.verification.target_check import described
from qssmc.verification.toolchain import Toolchain


def load_engine(folder: Path, graph: Graph, target: str, tools: Toolchain) -> Executable:
    """Of a target whose files have the hashes of the manifest.

    What says where the values of emitted code lie must be what the golden IR gives: a wrong place is read or written
    without a check. Raises VerificationError where it is not; MalformedInputError where files do not describe what was
    emitted, here or while it runs.
    """
    check = BACKENDS[target].check
    if check.rests_on:
        try:
            samples = read_npy(folder / "vectors/samples.npy").astype(np.int64)
        except (OSError, ValueError) as error:
            raise MalformedInputError(f"{folder} is not complete ({error}); compile the model again") from error
        check_text(folder, emitted_again(folder, read_manifest(folder), [target], samples), check.rests_on)
    with described(check, folder):
        return _Described(BACKENDS[target].load(folder, graph, tools), folder, target)


class _Described:
    """An executable of a folder, whose files may not describe what was emitted."""

    def __init__(self, engine: Executable, folder: Path, target: str) -> None:
        self._engine, self._folder, self._check = engine, folder, BACKENDS[target].check

    def run(self, samples: NDArray[Any]) -> Outputs:
        with described(self._check, self._folder):
            return self._engine.run(samples)

    def reset(self, count: int) -> None:
        with described(self._check, self._folder):
            self._engine.reset(count)

    def step(self, samples: NDArray[Any]) -> Outputs:
        with described(self._check, self._folder):
            return self._engine.step(samples)

    def last(self) -> Outputs:
        with described(self._check, self._folder):
            return self._engine.last()

    def close(self) -> None:
        self._engine.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, where: TracebackType | None
    ) -> None:
        self.close()
