"""Verify: golden against the emitted C, every op at every step, and the certificate against the emitted tables."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from qssmc.errors import MalformedInputError, VerificationError
from qssmc.folder import changed_files, read_manifest
from qssmc.ir.graph import Graph
from qssmc.ir.ops import Op
from qssmc.ir.text import op_line, parse
from qssmc.ir.verify import IRError
from qssmc_sim import Machine
from qssmc_sim.emitted_c import EmittedC
from qssmc_sim.range_check import check_ranges

Progress = Callable[[str, int, int], None]  # (what, done, of)


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
    graph, samples, expected = _read_design(folder, manifest, limit)
    accumulators = check_ranges(folder)
    with EmittedC(folder / "c", trace=True, cc=cc) as emitted:
        values = _compare_steps(graph, emitted, samples, expected, progress or (lambda what, done, of: None))
        compiler = emitted.compiler
    with EmittedC(folder / "c", cc=cc) as emitted:
        _compare_outputs(emitted.run(samples), expected, "the emitted C as a user builds it")
    altered = changed_files(folder, manifest)
    if altered:
        raise VerificationError(
            f"all values agree, but {', '.join(altered[:3])} {'is' if len(altered) == 1 else 'are'} not what was "
            "compiled (the SHA-256 in manifest.json differs); compile the model again"
        )
    ops = len({op.name for op in (*graph.step_ops, *graph.last_ops)})
    return Verified(len(samples), samples.shape[1], ops, values, accumulators, compiler)


def _read_design(
    folder: Path, manifest: Mapping[str, Any], limit: int | None
) -> tuple[Graph, NDArray[np.int64], dict[str, NDArray[np.int64]]]:
    try:
        graph = parse((folder / str(manifest["golden"])).read_text())
        samples = np.load(folder / "vectors/samples.npy", allow_pickle=False).astype(np.int64)
        expected = {
            output.name: np.load(folder / f"vectors/{output.name}.npy", allow_pickle=False).astype(np.int64)
            for output in graph.outputs
        }
    except (OSError, ValueError, KeyError, IRError) as error:
        raise MalformedInputError(f"{folder} is not complete ({error}); compile the model again") from error
    return graph, samples[:limit], {name: values[:limit] for name, values in expected.items()}


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
        if got[name].shape != wanted.shape or not np.array_equal(got[name], wanted):
            where = "" if got[name].shape != wanted.shape else f" first at {tuple(np.argwhere(got[name] != wanted)[0])}"
            raise VerificationError(f"{what} does not give the recorded output {name}{where}")
