"""Backend: all that the compiler knows of one target, as one record."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from qssmc.artifact.stages import Stages
from qssmc.backends.support import Supports
from qssmc.ir.graph import Graph
from qssmc.passes.pipeline import Seen, run_rows
from qssmc.passes.plan import PassPlan, Row
from qssmc.targets.executable import Executable
from qssmc.verification.target_check import TargetCheck
from qssmc.verification.toolchain import Toolchain

Files = dict[str, bytes]  # by path in the design


@dataclass(frozen=True)
class Lowered:
    """A model on its way to targets. stages: the graph after every pass; samples: (count, length, channels) integers,
    the sequences that are kept for verification."""

    stages: Stages
    samples: NDArray[np.int64]

    @property
    def golden(self) -> Graph:
        """The golden model: the last stage."""
        return self.stages.golden


@dataclass(frozen=True)
class Facts:
    """What a target tells of what it emitted. sizes: numbers for the table of all targets, by name; note: a sentence
    for the terminal, such as an estimate of clocks and resources, or nothing."""

    sizes: Mapping[str, int] = field(default_factory=dict)
    note: str = ""


@dataclass(frozen=True)
class Lowering:
    """Passes that a target has of its own behind those of all. Its golden model is another then, so it stands alone.

    rows: these passes; planned: the plan of all passes with the target's options, which says which of them are wanted;
    reports: facts of the stages by the name of a file in report/, given the stages and the options.
    """

    rows: tuple[Row, ...]
    planned: Callable[[PassPlan, Any], PassPlan]
    reports: Callable[[Stages, Any], Mapping[str, Any]]

    def run(self, options: Any, plan: PassPlan, stages: Stages, seen: Seen = lambda row, graph: None) -> Stages:
        """The stages with those of these passes; seen is told of each."""
        return run_rows(self.rows, self.planned(plan, options), stages, seen)


@dataclass(frozen=True)
class Backend:
    """One target.

    name: what --target calls it, and the folder of its files in a design; what: the same in a sentence. supports: None,
    or why an op, with its attributes and types, cannot be emitted; asked of every op of emits(lowered), the graphs that
    files are made of. emit: the files, pure; options: its options' class, a frozen dataclass whose every field has a
    default and, in its metadata, the help of a CLI option; title: over these options, else what. check: how the files
    are compared with golden. load: what runs them, of a design's folder and its golden model. facts: what they tell, of
    all files of a design.
    """

    name: str
    what: str
    supports: Supports
    emit: Callable[[Lowered, Any], Files]
    check: TargetCheck
    load: Callable[[Path, Graph, Toolchain], Executable]
    facts: Callable[[Mapping[str, bytes]], Facts] = lambda files: Facts()
    options: type[Any] | None = None
    emits: Callable[[Lowered], tuple[Graph, ...]] = lambda lowered: (lowered.golden,)
    lowering: Lowering | None = None
    title: str = ""

    def chosen(self, options: Mapping[str, Any]) -> Any:
        """What is chosen of this target among the options by target's name, else its defaults; None if it has none."""
        if self.name in options or self.options is None:
            return options.get(self.name)
        return self.options()


def as_bytes(texts: Mapping[str, str]) -> Files:
    """Emitted texts as files."""
    return {path: text.encode() for path, text in texts.items()}
