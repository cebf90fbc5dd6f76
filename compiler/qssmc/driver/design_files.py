"""The files of a design: graphs, vectors, emitted sources, reports, and the manifest that names them all."""

from __future__ import annotations

import hashlib
import io
import platform
from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from qssmc import __version__
from qssmc.artifact.manifest import to_json, with_manifest
from qssmc.artifact.stages import Stages
from qssmc.backends import c as c_backend
from qssmc.driver.autotune import Tuned
from qssmc.driver.compile_options import CompileOptions
from qssmc.driver.traced_source import TracedSource
from qssmc.ir.draw import draw
from qssmc.ir.graph import Graph
from qssmc.passes.plan import PassPlan
from qssmc.report import bits_picture, bits_table, sizes_table, target_sizes
from qssmc.targets.backend import Backend, Facts, Lowered
from qssmc.targets.emission import emit_targets
from qssmc.targets.registry import BACKENDS


@dataclass(frozen=True)
class Replayed:
    """What verification replays: integer samples (N, T, C), and what golden makes of them by the name of the output."""

    samples: NDArray[np.int64]
    outputs: Mapping[str, NDArray[np.int64]]


def design_files(
    stages: Stages,
    options: CompileOptions,
    replayed: Replayed,
    reports: Mapping[str, Any],
    tuned: Tuned | None,
    begins: Callable[[str], None],
) -> dict[str, bytes]:
    """The content of every file but the sizes and the manifest, by path. begins: told the name of each target."""
    return {
        **stages.files(),
        "ir/float.svg": draw(stages.canonical).encode(),
        "ir/design.svg": draw(stages.golden).encode(),
        **_vector_files(stages.golden, replayed),
        **emit_targets(options.targets, Lowered(stages, replayed.samples), options.target, begins),
        **_bits_files(reports["storage"], options.name, tuned),
        **{f"report/{name}.json": to_json(report) for name, report in reports.items()},
    }


def with_facts(files: Mapping[str, bytes], facts: Mapping[str, Facts]) -> dict[str, bytes]:
    """The files with the sizes that each target says of itself."""
    sizes = target_sizes(files, {name: found.sizes for name, found in facts.items()})
    return {**files, "report/targets.json": to_json(sizes), "report/targets.txt": sizes_table(sizes).encode()}


def signed(
    files: Mapping[str, bytes], traced: TracedSource, plan: PassPlan, stages: Stages, options: CompileOptions
) -> dict[str, bytes]:
    """The files with the manifest: versions, options, seed, and the SHA-256 of the model and of every file."""
    config = _config(plan, options)
    return with_manifest(
        files,
        {
            "qssmc": __version__,
            "tools": {"python": platform.python_version(), "numpy": np.__version__},
            "name": options.name,
            "model_sha256": traced.source.sha256,
            "config": config,
            "config_sha256": hashlib.sha256(to_json(config)).hexdigest(),
            "calibration": traced.origin,
            "data_set": traced.source.data_set,
            "seed": options.seed,
            "input_format": traced.source.input_format.facts(),
            "answers": {output.name: output.kind for output in traced.graph.outputs},
            "golden": stages.golden_path,
        },
    )


def _config(plan: PassPlan, options: CompileOptions) -> dict[str, Any]:
    """What was chosen, with what a search chose in its place."""
    backends: list[Backend] = [BACKENDS[name] for name in options.targets]
    return {
        "quantise": asdict(plan.quantise),
        "methods": asdict(plan.methods),
        "targets": list(options.targets),
        "vectors": options.vectors,
        **{backend.name: asdict(backend.chosen(options.target)) for backend in backends if backend.options},
    }


def _bits_files(storage: Mapping[str, Any], name: str, tuned: Tuned | None) -> dict[str, bytes]:
    """The table and the picture of all bits, and, of a search, how they were found."""
    if tuned is None:
        return {
            "report/bits.txt": bits_table(storage).encode(),
            "report/bits.svg": bits_picture(storage, name).encode(),
        }
    return {
        "report/bits.txt": (bits_table(storage, tuned.sensitivity) + tuned.values).encode(),
        "report/bits.svg": bits_picture(storage, name, tuned.sensitivity).encode(),
        "report/search.json": to_json(tuned.report),
    }


def _vector_files(graph: Graph, replayed: Replayed) -> dict[str, bytes]:
    """Samples and what golden makes of them, as .npy for tools and as text for the emitted main."""
    samples, outputs = replayed.samples, replayed.outputs
    files = {"vectors/samples.npy": _npy(samples)}
    files |= {f"vectors/{name}.npy": _npy(values) for name, values in outputs.items()}
    return files | {path: text.encode() for path, text in c_backend.vector_texts(graph, samples, outputs).items()}


def _npy(array: NDArray[Any]) -> bytes:
    """The bytes of a .npy file, in the smallest integer type that holds the values."""
    low, high = int(array.min(initial=0)), int(array.max(initial=0))
    kinds = (np.uint8, np.int8, np.uint16, np.int16, np.int32, np.int64)
    kind = next(kind for kind in kinds if np.iinfo(kind).min <= low and high <= np.iinfo(kind).max)
    stream = io.BytesIO()
    np.save(stream, array.astype(kind), allow_pickle=False)
    return stream.getvalue()
