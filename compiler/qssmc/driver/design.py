"""CompiledDesign: what a compilation made, in memory: the graphs of all stages, the files to write, and the facts."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from qssmc.artifact.folder import write_folder
from qssmc.artifact.stages import Stages
from qssmc.driver.traced_model import TracedModel
from qssmc.errors import UsageError
from qssmc.ir.graph import Graph


@dataclass(frozen=True)
class CompiledDesign:
    """A compiled model.

    stages: the graph after every pass, by name and in order; files: the content of the design's folder by path;
    summary: the facts worth printing (bytes, bits, effort, error of the float IR); notes: a sentence of each target
    that has one; model: what was traced, where the design came from a module in Python.
    """

    stages: Stages
    files: Mapping[str, bytes]
    summary: Mapping[str, Any]
    model: TracedModel | None = None
    notes: tuple[str, ...] = ()

    @property
    def golden(self) -> Graph:
        """The golden model: the integer graph that every target computes, bit for bit."""
        return self.stages.golden

    def write(self, folder: Path | str, *, force: bool = False) -> Path:
        """Write the files, all or none. Raises UsageError for a folder that exists, unless force and it is a design."""
        folder = Path(folder)
        try:
            write_folder(self.files, folder, force=force)
        except OSError as error:
            raise UsageError(
                f"output folder {folder} cannot be written ({error.strerror}); give another one"
            ) from error
        return folder

    def save(self, path: Path | str) -> Path:
        """Write the traced model as FILE.qssm, which `qssmc compile` takes, with no code in it.

        Raises UsageError where the design was compiled from a file, which is that already.
        """
        if self.model is None:
            raise UsageError("this design was compiled from a file, which `qssmc compile` takes again")
        return self.model.save(path)
