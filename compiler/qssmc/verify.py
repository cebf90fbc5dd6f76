"""Verify: golden against the emitted C, every op at every step, and the certificate against the emitted tables."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from qssmc.apart import apart
from qssmc.errors import MalformedInputError, ToolError, VerificationError
from qssmc.folder import MANIFEST, altered_text, changed_files, read_manifest
from qssmc.ir.graph import Graph
from qssmc.ir.ops import Op
from qssmc.ir.text import op_line, parse
from qssmc.ir.verify import IRError
from qssmc_sim import Machine
from qssmc_sim.emitted_c import EmittedC
from qssmc_sim.range_check import check_ranges

Progress = Callable[[str, int, int], None]  # (what, done, of)
_HARNESS = "c/harness.c"  # the tool that reads the values out, not what is verified
_ALWAYS = ("c/layout.json", _HARNESS, "report/certificate.json", "vectors/samples.npy")  # beside the golden model


@dataclass(frozen=True)
class Verified:
    """What a verification covered."""

    sequences: int
    steps: int
    ops: int
    values: int
    accumulators: int
    compiler: str


def verify_folder(
    folder: Path, *, cc: str | None = None, limit: int | None = None, progress: Progress | None = None
) -> Verified:
    """Check a compiled folder; raises VerificationError at the first difference, saying where it is.

    Three things must hold: the certificate's bounds follow from the emitted tables; every value of every op at every
    step of the recorded sequences is the same in golden and in the emitted C built for tracing; and the C as a user
    builds it gives the recorded outputs.
    """
    manifest = read_manifest(folder)
    unlisted = [name for name in (str(manifest.get("golden")), *_ALWAYS) if name not in manifest["files"]]
    if unlisted:
        raise MalformedInputError(f"{folder}/{MANIFEST} does not list {unlisted[0]}; compile the model again")
    altered = changed_files(folder, manifest)
    missing = [name for name in altered if not (folder / name).is_file()]
    if missing:
        raise MalformedInputError(f"{folder} is not complete ({missing[0]} is missing); compile the model again")
    unfit = [name for name in altered if not _is_compared(name)]
    if unfit:
        raise VerificationError(altered_text(unfit))
    graph, samples, expected = _read_design(folder, manifest, limit)
    accumulators = check_ranges(folder)
    try:
        values, compiler = _run_emitted(folder, graph, samples, expected, cc, progress)
    except ToolError as error:
        if not altered:
            raise
        raise VerificationError(f"{altered_text(altered)} ({error})") from error
    if altered:
        raise VerificationError(f"all values agree, but {altered_text(altered)}")
    ops = len({op.name for op in (*graph.step_ops, *graph.last_ops)})
    return Verified(len(samples), samples.shape[1], ops, values, accumulators, compiler)


def _run_emitted(
    folder: Path,
    graph: Graph,
    samples: NDArray[np.int64],
    expected: Mapping[str, NDArray[np.int64]],
    cc: str | None,
    progress: Progress | None,
) -> tuple[int, str]:
    """Build the C twice and compare it with golden. Returns the number of values compared and the compiler."""
    with EmittedC(folder / "c", trace=True, cc=cc) as emitted:
        values = apart(
            lambda report: _compare_steps(graph, emitted, samples, expected, report),
            progress or (lambda what, done, of: None),
            f"the emitted C in {folder / 'c'}, built for tracing,",
        )
        compiler = emitted.compiler
    with EmittedC(folder / "c", cc=cc) as emitted:
        apart(
            lambda report: _compare_outputs(emitted.run(samples), expected, "the emitted C as a user builds it"),
            lambda: None,
            f"the emitted C in {folder / 'c'}, built as a user does,",
        )
    return values, compiler


def _is_compared(name: str) -> bool:
    """Whether a difference in a file is best shown by the first value that it makes differ."""
    return name.startswith("vectors/") or (name.startswith("c/") and name.endswith((".c", ".h")) and name != _HARNESS)


def _read_design(
    folder: Path, manifest: Mapping[str, Any], limit: int | None
) -> tuple[Graph, NDArray[np.int64], dict[str, NDArray[np.int64]]]:
    try:
        graph = parse((folder / str(manifest["golden"])).read_text())
        samples = _integers(folder / "vectors/samples.npy")
        expected = {output.name: _integers(folder / f"vectors/{output.name}.npy") for output in graph.outputs}
    except (OSError, ValueError, KeyError, EOFError, IRError) as error:
        raise MalformedInputError(f"{folder} is not complete ({error}); compile the model again") from error
    faults = _vector_faults(graph, samples, expected)
    if faults:
        raise MalformedInputError(f"{folder}/vectors: {'; '.join(faults)}; compile the model again")
    return graph, samples[:limit], {name: values[:limit] for name, values in expected.items()}


def _integers(path: Path) -> NDArray[np.int64]:
    array = np.load(path, allow_pickle=False)
    if not isinstance(array, np.ndarray) or array.dtype.kind not in "iu":
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


def _compare_steps(
    graph: Graph,
    emitted: EmittedC,
    samples: NDArray[np.int64],
    expected: Mapping[str, NDArray[np.int64]],
    progress: Progress,
) -> int:
    """Golden and C side by side, step after step. Returns the number of values compared."""
    golden = Machine(graph, len(samples))
    emitted.reset(len(samples))
    length, compared = samples.shape[1], 0
    for t in range(length):
        wanted = golden.step(samples[:, t])
        compared += _compare_values(graph.step_ops, wanted, emitted.step_batch(samples[:, t]), t)
        for output in graph.outputs:
            if output.when == "step":
                _compare_outputs(
                    {output.name: wanted[output.value]}, {output.name: expected[output.name][:, t]}, "golden"
                )
        progress("steps", t + 1, length)
    if graph.last_ops:
        wanted = golden.last()
        compared += _compare_values(graph.last_ops, wanted, emitted.last_batch(), length)
        last = [output for output in graph.outputs if output.when == "last"]
        _compare_outputs({o.name: wanted[o.value] for o in last}, {o.name: expected[o.name] for o in last}, "golden")
    return compared


def _compare_values(
    ops: tuple[Op, ...], wanted: Mapping[str, NDArray[Any]], got: Mapping[str, NDArray[Any]], t: int
) -> int:
    compared = 0
    for op in ops:
        if op.name not in got:
            raise VerificationError(f"the emitted C does not trace %{op.name} ({op_line(op)})")
        if not np.array_equal(wanted[op.name], got[op.name]):
            raise VerificationError(_first_difference(op, wanted[op.name], got[op.name], t))
        compared += wanted[op.name].size
    return compared


def _first_difference(op: Op, wanted: NDArray[Any], got: NDArray[Any], t: int) -> str:
    at = tuple(int(i) for i in np.argwhere(wanted != got)[0])
    element = f"element {at[1]}" + ("" if len(at) < 3 else (" re", " im")[at[2]])
    count = int((wanted != got).sum())
    return (
        f"golden and the emitted C diverge first at op %{op.name} ({op.mnemonic}, from {op.origin or 'nowhere'}), "
        f"time step {t}, sequence {at[0]}, {element}: expected {wanted[at]}, got {got[at]} "
        f"({count} of {wanted.size} values of this op differ)"
    )


def _compare_outputs(got: Mapping[str, NDArray[Any]], expected: Mapping[str, NDArray[np.int64]], what: str) -> None:
    for name, wanted in expected.items():
        if got[name].shape != wanted.shape:
            raise VerificationError(f"{what} gives {name} with shape {got[name].shape}, but {wanted.shape} is recorded")
        if not np.array_equal(got[name], wanted):
            at = tuple(int(i) for i in np.argwhere(got[name] != wanted)[0])
            raise VerificationError(
                f"{what} does not give the recorded output {name}: first at {list(at)} (sequence, then step where "
                f"there is one, then element), expected {wanted[at]}, got {got[name][at]}"
            )
