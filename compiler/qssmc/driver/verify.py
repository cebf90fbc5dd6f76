"""Verify: golden against every target of a folder, every op at every step, and the certificate against the tables."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from qssmc.artifact.folder import MANIFEST, altered_text, changed_files, read_manifest
from qssmc.data.npy import read_npy
from qssmc.errors import MalformedInputError, ToolError, UsageError, VerificationError
from qssmc.ir.graph import Graph
from qssmc.ir.text import read_graph
from qssmc.ir.verify import IRError
from qssmc.targets.registry import BACKENDS
from qssmc.verification.comparison import Progress
from qssmc.verification.target_check import RecordedDesign, TargetCheck, run_check
from qssmc.verification.toolchain import Toolchain
from qssmc_sim.range_check import check_ranges

_ALWAYS = ("report/certificate.json", "vectors/samples.npy")  # beside the golden model


@dataclass(frozen=True)
class Verified:
    """What a verification covered."""

    sequences: int
    steps: int
    ops: int
    values: int
    accumulators: int
    compiler: str
    targets: tuple[str, ...]


def verify_folder(
    folder: Path,
    *,
    tools: Toolchain | None = None,
    only: Sequence[str] | None = None,
    limit: int | None = None,
    progress: Progress | None = None,
) -> Verified:
    """Check a compiled folder; raises VerificationError at the first difference, saying where it is.

    The certificate's bounds must follow from the emitted tables. Then, for every target in the folder, every value of
    every op at every step of the recorded sequences must be the same in golden and in what was emitted, built or loaded
    for tracing, and what a user builds must give the recorded outputs. only: of these targets alone.
    """
    manifest = read_manifest(folder)
    names = [name for name in manifest.get("config", {}).get("targets", ()) if name in BACKENDS]
    missed = [name for name in only or () if name not in names]
    if missed:
        raise UsageError(f"{folder} holds no {missed[0]}; compile the model with --target {missed[0]}")
    backends = [BACKENDS[name] for name in names if only is None or name in only]
    checks = [backend.check for backend in backends]
    if not checks:
        raise MalformedInputError(f"{folder}/{MANIFEST} names no target that can be verified; compile the model again")
    always = [*_ALWAYS, *(name for check in checks for name in check.rests_on)]
    unlisted = [name for name in (str(manifest.get("golden")), *always) if name not in manifest["files"]]
    if unlisted:
        raise MalformedInputError(f"{folder}/{MANIFEST} does not list {unlisted[0]}; compile the model again")
    altered = changed_files(folder, manifest)
    missing = [name for name in altered if not (folder / name).is_file()]
    if missing:
        raise MalformedInputError(f"{folder} is not complete ({missing[0]} is missing); compile the model again")
    unfit = [name for name in altered if not _is_compared(name, checks)]
    if unfit:
        raise VerificationError(altered_text(unfit))
    graph, samples, expected = _read_design(folder, manifest, limit)
    accumulators = check_ranges(folder)
    told = progress or (lambda what, done, of: None)
    design = RecordedDesign(folder, graph, samples, expected, told, limit is not None)
    try:
        runs = [run_check(check, design, tools or Toolchain()) for check in checks]
    except ToolError as error:
        if not altered:
            raise
        raise VerificationError(f"{altered_text(altered)} ({error})") from error
    if altered:
        raise VerificationError(f"all values agree, but {altered_text(altered)}")
    ops = len({op.name for op in (*graph.step_ops, *graph.last_ops)})
    values, compilers = sum(run.values for run in runs), ", ".join(run.by for run in runs)
    targets = tuple(backend.what for backend in backends)
    sequences = min(len(samples) if run.sequences is None else run.sequences for run in runs)
    return Verified(sequences, samples.shape[1], ops, values, accumulators, compilers, targets)


def _is_compared(name: str, checks: Sequence[TargetCheck]) -> bool:
    """Whether a difference in a file is best shown by the first value that it makes differ."""
    compared = any(check.compares(name) for check in checks) and all(name not in check.rests_on for check in checks)
    return name.startswith("vectors/") or compared


def _read_design(
    folder: Path, manifest: Mapping[str, Any], limit: int | None
) -> tuple[Graph, NDArray[np.int64], dict[str, NDArray[np.int64]]]:
    try:
        graph = read_graph(folder / str(manifest["golden"]))
        samples = _integers(folder / "vectors/samples.npy")
        expected = {output.name: _integers(folder / f"vectors/{output.name}.npy") for output in graph.outputs}
    except (OSError, ValueError, KeyError, EOFError, IRError) as error:
        raise MalformedInputError(f"{folder} is not complete ({error}); compile the model again") from error
    faults = _vector_faults(graph, samples, expected)
    if faults:
        raise MalformedInputError(f"{folder}/vectors: {'; '.join(faults)}; compile the model again")
    return graph, samples[:limit], {name: values[:limit] for name, values in expected.items()}


def _integers(path: Path) -> NDArray[np.int64]:
    array = read_npy(path)
    if array.dtype.kind not in "iu":
        raise ValueError(f"{path.name} holds no array of integers")
    return array.astype(np.int64)


def _vector_faults(graph: Graph, samples: NDArray[np.int64], expected: Mapping[str, NDArray[np.int64]]) -> list[str]:
    """Every array that is not of the shape, or reaches beyond the range, that the graph asks for."""
    (entrance,) = graph.inputs
    low, high = entrance.type.bounds
    if samples.ndim != 3 or 0 in samples.shape or samples.shape[2] != entrance.type.shape[0]:
        return [f"samples.npy must have shape (count, length, {entrance.type.shape[0]}), not {samples.shape}"]
    if samples.min() < low or samples.max() > high:
        return [f"samples.npy must lie in {low}..{high}, not {samples.min()}..{samples.max()}"]
    count, length, _ = samples.shape
    shapes = {
        output.name: ((count, length) if output.when == "step" else (count,)) + graph[output.value].type.array_shape
        for output in graph.outputs
    }
    return [
        f"{name}.npy must have shape {shape}, not {expected[name].shape}"
        for name, shape in shapes.items()
        if expected[name].shape != shape
    ]
