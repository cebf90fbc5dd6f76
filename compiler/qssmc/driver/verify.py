"""Verify: golden against every target of a folder, every op at every step, and the certificate against the tables."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from qssmc.artifact.manifest import (
    MANIFEST,
    altered_text,
    changed_files,
    line_ends_text,
    only_line_ends_changed,
    read_manifest,
)
from qssmc.artifact.stages import Stages
from qssmc.data import InputFormat
from qssmc.data.npy import read_npy
from qssmc.driver.emitted_again import check_text, emitted_again
from qssmc.driver.emitted_tables import Tables, check_tables
from qssmc.driver.error_of_design import check_recorded
from qssmc.errors import MalformedInputError, ToolError, UsageError, VerificationError
from qssmc.ir.graph import Graph
from qssmc.ir.json_text import parse_json
from qssmc.ir.text import read_graph
from qssmc.ir.verify import IRError
from qssmc.targets.registry import BACKENDS
from qssmc.verification.comparison import Progress, Values, compare_outputs
from qssmc.verification.coverage import Coverage, Points, Recorder, coverage_of
from qssmc.verification.sandbox import Limits
from qssmc.verification.stimuli import THOROUGH, Effort, Search
from qssmc.verification.target_check import Compared, Driven, RecordedDesign, TargetCheck, described
from qssmc.verification.toolchain import Toolchain
from qssmc.verification.unreachable import unreachable_points
from qssmc_sim.machine import run
from qssmc_sim.range_check import check_ranges

_ERROR = "report/error.json"
_ALWAYS = ("report/certificate.json", "vectors/samples.npy")  # beside the golden model


SEED = 0  # of the sequences that are made, where the manifest has none
LONGEST = 2048  # steps of a sequence that is made
MANY_STEPS = 1 << 16  # that a sequence may have, where the manifest does not say


@dataclass(frozen=True)
class Ran:
    """What ran of one target: see qssmc.verification.target_check.Compared."""

    target: str
    sequences: int
    steps: int
    made: int
    traced: int
    values: int
    by: str
    variants: tuple[str, ...]
    not_run: tuple[str, ...]


@dataclass(frozen=True)
class Verified:
    """What a verification covered.

    sequences and steps: recorded ones, all of which golden ran; made: sequences made to drive the design to its edges;
    ran: of every target what it ran of these; values: compared in all; accumulators: bounds of the certificate that
    follow from the golden IR; tables: of the emitted files, whose numbers are those of the golden IR, by target; files:
    that were emitted again from the golden IR and are the same, None where another version of qssmc compiled them;
    coverage: of clamp edges and table entries, by all sequences; relative_rms: the error of the answers to the first
    recorded sequences in parts of their deviation, None where the folder says none or fewer sequences are asked for.
    """

    sequences: int
    steps: int
    ops: int
    values: int
    accumulators: int
    compiler: str
    targets: tuple[str, ...]
    made: int
    ran: tuple[Ran, ...]
    tables: Mapping[str, Tables]
    files: int | None
    coverage: Coverage
    relative_rms: float | None


def verify_folder(
    folder: Path,
    *,
    tools: Toolchain | None = None,
    only: Sequence[str] | None = None,
    limit: int | None = None,
    thorough: bool = False,
    progress: Progress | None = None,
) -> Verified:
    """Check a compiled folder; raises VerificationError at the first difference, saying where it is.

    Files are compared with the manifest's hashes before anything runs, and those that say how a target is run with what
    the golden IR gives. The certificate's bounds must follow from the golden IR. Then golden and every target in the
    folder run sequences that are made of the graph to reach its clamp edges and table entries, and those recorded;
    every value of every op at every step of some, and the outputs of all, must be the same. What is in the folder is
    built and run in processes of their own, with limits of time and memory. At last the emitted tables must hold the
    numbers of the golden IR, and every file must be what it gives when it is emitted again. only: of these targets
    alone; limit: of the sequences; thorough: search for minutes.
    """
    manifest = read_manifest(folder)
    checks = _checks(folder, manifest, only)
    altered = _altered(folder, manifest, list(checks.values()))
    graph, recorded = _read_design(folder, manifest, limit)
    accumulators = check_ranges(folder)
    emitted = emitted_again(folder, manifest, list(checks), _integers(folder / "vectors/samples.npy"))
    check_text(folder, emitted, [name for check in checks.values() for name in check.rests_on])
    told, tools = progress or (lambda what, done, of: None), tools or Toolchain()
    search, steps, unreachable = _search(graph, manifest, recorded.samples, thorough, told)
    sketch = RecordedDesign(
        folder, graph, *_fields(recorded), *_made(search, limit), told, limited=limit is not None,
        limits=Limits(tools.seconds),
    )  # fmt: skip
    try:
        made, seen, runs = _run(search, sketch, recorded, checks, tools, limit)
    except ToolError as error:
        if not altered:
            raise
        raise VerificationError(f"{altered_text(altered)} ({error})") from error
    tables = check_tables(folder, emitted)
    rms = _error_of(folder, manifest, graph, recorded)
    if altered:
        raise VerificationError(f"all values agree, but {altered_text(altered)}")
    files = check_text(folder, emitted) if emitted else None
    if (~seen & ~unreachable).any():
        unreachable = unreachable | unreachable_points(search.points, steps, ~seen & ~unreachable)
    ran = tuple(
        Ran(name, run.sequences, run.steps, run.made, run.traced, run.values, run.by, run.variants, run.not_run)
        for name, run in ((name, runs[name]) for name in checks)
    )
    return Verified(
        len(recorded.samples),
        recorded.samples.shape[1],
        len({op.name for op in (*graph.step_ops, *graph.last_ops)}),
        sum(run.values for run in ran),
        accumulators,
        ", ".join(run.by for run in ran),
        tuple(BACKENDS[name].what for name in checks),
        len(made.samples),
        ran,
        tables,
        files,
        coverage_of(search.points, seen, unreachable),
        rms,
    )


def _checks(folder: Path, manifest: Mapping[str, Any], only: Sequence[str] | None) -> dict[str, TargetCheck]:
    """How each target in the folder, or each that is asked for, is verified, by its name."""
    names = [name for name in manifest.get("config", {}).get("targets", ()) if name in BACKENDS]
    missed = [name for name in only or () if name not in names]
    if missed:
        raise UsageError(f"{folder} holds no {missed[0]}; compile the model with --target {missed[0]}")
    checks = {name: BACKENDS[name].check for name in names if only is None or name in only}
    if not checks:
        raise MalformedInputError(f"{folder}/{MANIFEST} names no target that can be verified; compile the model again")
    return checks


def _run(
    search: Search,
    sketch: RecordedDesign,
    recorded: Driven,
    checks: Mapping[str, TargetCheck],
    tools: Toolchain,
    limit: int | None,
) -> tuple[Driven, NDArray[np.bool_], dict[str, Compared]]:
    """The sequences that were made, what golden reached in all, and what each target ran, by its name.

    Targets whose builds take long begin before the sequences are made.
    """
    waiting: dict[str, Callable[[], Compared]] = {}
    runs: dict[str, Compared] = {}
    for name, check in checks.items():
        if check.begin is not None:
            with described(check, sketch.folder):
                waiting[name] = check.begin(sketch, tools)
    search.drive()
    search.climb()
    search.mutate()
    made, cover = _made(search, limit)
    design = replace(sketch, made=made, cover=cover)
    golden, seen = _run_golden(search.points, recorded.samples)
    compare_outputs(golden, recorded.expected, "golden")
    for name, check in checks.items():
        if name not in waiting:
            with described(check, sketch.folder):
                runs[name] = check.run(design, tools)
    for name, finish in waiting.items():
        with described(checks[name], sketch.folder):
            runs[name] = finish()
    return made, seen | search.seen, runs


def _altered(folder: Path, manifest: Mapping[str, Any], checks: Sequence[TargetCheck]) -> list[str]:
    """Files that are not what was compiled, all of them such that a run shows what that changes; raises for others."""
    always = [*_ALWAYS, *(name for check in checks for name in check.rests_on)]
    unlisted = [name for name in (str(manifest.get("golden")), *always) if name not in manifest["files"]]
    if unlisted:
        raise MalformedInputError(f"{folder}/{MANIFEST} does not list {unlisted[0]}; compile the model again")
    altered = changed_files(folder, manifest)
    missing = [name for name in altered if not (folder / name).is_file()]
    if missing:
        raise MalformedInputError(f"{folder} is not complete ({missing[0]} is missing); compile the model again")
    ends = [name for name in altered if only_line_ends_changed(folder, manifest, name)]
    if ends and ends == altered:
        raise MalformedInputError(line_ends_text(folder, ends))
    unfit = [name for name in altered if not _is_compared(name, checks)]
    if unfit:
        raise VerificationError(altered_text(unfit))
    return altered


def _search(
    graph: Graph, manifest: Mapping[str, Any], samples: NDArray[np.int64], thorough: bool, told: Progress
) -> tuple[Search, int, NDArray[np.bool_]]:
    """A search that has run the known shapes, the steps of any sequence, and the points that nothing reaches."""
    config = manifest.get("config", {})
    most = config.get("quantise", {}).get("max_steps")
    steps = most if isinstance(most, int) and most > 0 else MANY_STEPS
    points = Points(graph)
    unreachable = unreachable_points(points, steps)
    seed = config.get("seed")
    effort = replace(THOROUGH if thorough else Effort(), steps=min(samples.shape[1], LONGEST, steps))
    search = Search(points, unreachable, seed if isinstance(seed, int) and seed >= 0 else SEED, effort, told)
    search.shapes()
    return search, steps, unreachable


def _made(search: Search, limit: int | None) -> tuple[Driven, int]:
    """The sequences so far with golden's outputs, or the first of them, and how many make the cover."""
    driven = Driven(search.samples, search.outputs)
    return driven.first(len(driven.samples) if limit is None else limit), min(search.cover, len(driven.samples[:limit]))


def _run_golden(points: Points, samples: NDArray[np.int64]) -> tuple[Values, NDArray[np.bool_]]:
    """Golden's outputs, and the points that the sequences reach."""
    recorder = Recorder(points, len(samples))
    outputs = run(points.graph, samples, recorder).outputs
    return outputs, np.asarray(recorder.seen.any(axis=0))


def _fields(recorded: Driven) -> tuple[NDArray[np.int64], Values]:
    return recorded.samples, recorded.expected


def _error_of(folder: Path, manifest: Mapping[str, Any], graph: Graph, recorded: Driven) -> float | None:
    """The error of the design, made anew; None of a folder that is older than its report, and of fewer sequences."""
    stages = Stages.read(folder)
    if "discretize" not in stages or _ERROR not in manifest["files"]:
        return None
    try:
        report = parse_json((folder / _ERROR).read_bytes())
        input_format = InputFormat(**manifest["input_format"])
        return check_recorded(report, stages.discrete, graph, recorded.samples, recorded.expected, input_format)
    except (OSError, ValueError, LookupError, TypeError, OverflowError, UsageError) as error:
        raise MalformedInputError(f"{folder} is not complete ({error}); compile the model again") from error


def _is_compared(name: str, checks: Sequence[TargetCheck]) -> bool:
    """Whether a difference in a file is best shown by the first value that it makes differ."""
    compared = any(check.compares(name) for check in checks) and all(name not in check.rests_on for check in checks)
    return name.startswith("vectors/") or compared


def _read_design(folder: Path, manifest: Mapping[str, Any], limit: int | None) -> tuple[Graph, Driven]:
    try:
        graph = read_graph(folder / str(manifest["golden"]))
        samples = _integers(folder / "vectors/samples.npy")
        expected = {output.name: _integers(folder / f"vectors/{output.name}.npy") for output in graph.outputs}
    except (OSError, ValueError, KeyError, EOFError, IRError) as error:
        raise MalformedInputError(f"{folder} is not complete ({error}); compile the model again") from error
    faults = _vector_faults(graph, samples, expected)
    if faults:
        raise MalformedInputError(f"{folder}/vectors: {'; '.join(faults)}; compile the model again")
    return graph, Driven(samples, expected).first(len(samples) if limit is None else limit)


def _integers(path: Path) -> NDArray[np.int64]:
    try:
        array = read_npy(path)
    except ValueError as error:
        raise ValueError(f"{path.name}: {error}") from error
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
