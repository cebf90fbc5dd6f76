"""Compile: from a checkpoint to a folder of verified-by-construction files; the CLI only parses and prints."""

from __future__ import annotations

import hashlib
import io
import platform
from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from qssmc import __version__
from qssmc.analysis.calibration import Calibration
from qssmc.analysis.dead_heads import dead_head_sentences
from qssmc.artifact.manifest import to_json, with_manifest
from qssmc.backends import c as c_backend
from qssmc.data.calibration import load_calibration, load_held_out
from qssmc.data.thin_calibration import thin_calibration
from qssmc.driver.autotune import SPACE, Labelled, SearchSpace, Tuned, objective_of, tune
from qssmc.driver.design import CompiledDesign
from qssmc.driver.error_of_design import Measure, error_report, judge, pruned, pruned_sentence
from qssmc.driver.held_out import held_out_of
from qssmc.driver.model_source import ModelSource, from_checkpoint
from qssmc.driver.trained_quantisation import trained_quantisation, trained_sentences
from qssmc.errors import UsageError
from qssmc.ir.answers import answering
from qssmc.ir.draw import draw
from qssmc.ir.graph import Graph, Kind
from qssmc.passes.discretize import check_poles
from qssmc.passes.methods import PLAIN, Methods
from qssmc.passes.pipeline import run_pipeline
from qssmc.passes.plan import PassPlan, Row
from qssmc.passes.quantise import QuantiseOptions
from qssmc.report import (
    Tally,
    alignment_report,
    bits_picture,
    bits_table,
    bounds_report,
    certificate,
    effort_report,
    head_count,
    sizes_table,
    state_numbers,
    storage_report,
    target_sizes,
)
from qssmc.search import Goal, Objective
from qssmc.targets.backend import Lowered
from qssmc.targets.emission import emit_targets
from qssmc.targets.registry import BACKENDS, check_names
from qssmc_sim import run

if TYPE_CHECKING:
    from qssmc.models import Checkpoint

_COMPARED = 16  # sequences that the float IR and the torch module are compared on
Say = Callable[[str], None]


@dataclass(frozen=True)
class CompileOptions:
    """What a user may choose. name: prefix of the emitted symbols; vectors: sequences kept for verification.

    answer: what the outputs say, None as the model says; held_out: sequences to measure errors on; max_error: percent
    of an output's deviation that its RMS error may be. goal: what the bits are searched for, in a space; without one
    they are as given. target: options of single targets by name; those that are left out have their defaults.
    """

    name: str
    quantise: QuantiseOptions = field(default_factory=QuantiseOptions)
    targets: tuple[str, ...] = ("c",)
    calib: str | None = None
    seed: int = 0
    vectors: int = 112
    methods: Methods = PLAIN
    goal: Goal | None = None
    space: SearchSpace = SPACE
    target: Mapping[str, Any] = field(default_factory=dict)
    answer: Kind | None = None
    held_out: str | None = None
    max_error: float | None = None

    def __post_init__(self) -> None:
        check_names(self.targets)
        means = (self.quantise.state_bits, self.quantise.a_bits)
        if self.methods.bits_by is None and any(mean != int(mean) for mean in means):
            raise UsageError("state bits and pole bits must be whole numbers unless --bits-by shares them out")
        if self.methods != PLAIN and self.quantise.scheme != "qssm":
            raise UsageError("--scheme zhao is the published one and takes none of the methods of qssm")
        if self.vectors < 1:
            raise UsageError(f"--vectors must be at least 1, not {self.vectors}")
        if self.max_error is not None and not 0.0 <= self.max_error < np.inf:
            raise UsageError(f"--max-error must be a percentage of at least 0, not {self.max_error}")
        if self.seed < 0:
            raise UsageError(f"--seed must be at least 0, not {self.seed}")
        if (free := c_backend.as_prefix(self.name)) != self.name:
            raise UsageError(
                "--name must be a C identifier of at most 40 letters that starts with one and is no C keyword, "
                f"emitted file or standard header, not {self.name!r}; {free} would do"
            )


@dataclass(frozen=True)
class TracedSource:
    """A source's float graph with its calibration sequences. error: of the float IR against the original."""

    source: ModelSource
    graph: Graph
    samples: NDArray[np.int64]
    labelled: Labelled | None
    origin: str
    error: float

    @property
    def compared(self) -> int:
        """Sequences that the float IR was compared with the original on."""
        return compared_of(self.source, len(self.samples))

    def plan(self, options: CompileOptions) -> PassPlan:
        """The passes that the options ask for, which a search varies."""
        integers = Calibration(self.samples, run)
        return PassPlan(self.graph, options.quantise, self.source.input_format, integers, options.methods)

    def objective(self, options: CompileOptions) -> Objective:
        """What a search measures its candidates by."""
        return objective_of(self.plan(options), self.source.parameters, self.labelled)


def compared_of(source: ModelSource, sequences: int) -> int:
    """Sequences that the float IR is compared with a source on: the first ones, or those whose answers it keeps."""
    return min(_COMPARED, sequences) if source.answered is None else source.answered


def trace_source(
    source: ModelSource, options: CompileOptions, data: Path | None, say: Say, *, labels: bool = False
) -> TracedSource:
    """Load the calibration sequences (labels: and held-out ones), trace or import, check against the original."""
    shape = (source.input_format, source.d_input)
    samples, origin = load_calibration(options.calib, source.calibration, *shape, seed=options.seed, data=data)
    labelled = None
    if labels or (options.goal is not None and options.goal.min_accuracy is not None):
        labelled = load_held_out(options.calib, len(samples), *shape, seed=options.seed, data=data)
    if source.pooled and samples.shape[1] > options.quantise.max_steps:
        raise UsageError(
            f"calibration sequences of {samples.shape[1]} steps are longer than the {options.quantise.max_steps} "
            "that a mean is exact for; give a larger --max-steps"
        )
    real = source.input_format.to_real(samples).astype(np.float64)
    say(source.what)
    with np.errstate(all="ignore"):  # numbers out of range are reported by the two checks
        graph = answering(source.graph(options.name), options.answer)
        check_poles(graph)
    if not source.answers and options.answer is None:
        say("answer: values, so every output counts by itself; if the largest decides say --answer class, signs: flags")
    for sentence in thin_calibration(samples, source.input_format, source.length):
        say(f"WARNING: {sentence}")
    say(f"check: float IR, step by step, against {source.against} on {compared_of(source, len(real))} sequences")
    return TracedSource(source, graph, samples, labelled, origin, source.check(graph, real[:_COMPARED]))


def compile_checkpoint(
    checkpoint: Checkpoint, model_sha256: str, options: CompileOptions, *, data: Path | None = None, say: Say = print
) -> CompiledDesign:
    """A torch checkpoint through compile_source."""
    return compile_source(from_checkpoint(checkpoint, model_sha256), options, data=data, say=say)


def compile_source(
    source: ModelSource,
    options: CompileOptions,
    *,
    data: Path | None = None,
    say: Say = print,
    detail: Say = lambda sentence: None,
) -> CompiledDesign:
    """Trace or import, check against the original, quantise, prove, emit. Raises a QssmcError; nothing is written."""
    traced = trace_source(source, options, data, say)
    graph, samples, origin = traced.graph, traced.samples, traced.origin
    plan, tuned = traced.plan(options), None
    if options.goal is not None:
        tuned = tune(traced.objective(options), options.goal, options.space, say)
        plan = tuned.plan

    def seen(row: Row, result: Graph) -> None:
        say(f"pass {row.name}: {len(result.ops)} ops")
        detail(row.reason)

    stages = run_pipeline(plan, seen)
    for sentence in dead_head_sentences(stages.calibrated):
        say(sentence)
    backends = [BACKENDS[name] for name in options.targets]
    for backend in backends:
        if backend.lowering is not None:
            stages = backend.lowering.run(backend.chosen(options.target), plan, stages, seen)
    golden = stages.golden
    reports = {
        "storage": storage_report(stages.proven, source.parameters, state_numbers(graph), head_count(graph)),
        "effort": effort_report(stages.oscillators or golden, graph),
        "alignment": alignment_report(stages["quantise"], stages.proven),
        "certificate": certificate(golden),
        "float_check": {"relative_error": float(f"{traced.error:.3e}"), "sequences": traced.compared},
    }
    for backend in backends:
        if backend.lowering is not None:
            reports |= backend.lowering.reports(stages, backend.chosen(options.target))
    say(f"golden: {min(options.vectors, len(samples))} sequences for verification")
    tally = Tally(golden)
    outputs = run(golden, samples[: options.vectors], tally).outputs
    vectors = _vector_files(golden, samples[: options.vectors], outputs)
    held_out = held_out_of(
        options.held_out,
        options.calib,
        len(samples),
        (source.input_format, source.d_input),
        steps=plan.quantise.max_steps if source.pooled else None,
        seed=options.seed,
        data=data,
    )
    reports["error"] = error_report(stages, Measure(source.input_format, samples, outputs, *held_out)) | {
        "pruned": pruned(stages),
        "calibration_warnings": list(thin_calibration(samples, source.input_format, source.length)),
    }
    say(pruned_sentence(reports["error"]["pruned"]))
    judge(reports["error"], options.max_error, say)
    if (trained := trained_quantisation(stages, samples, source.input_format)) is not None:
        reports["trained_quantisation"] = trained
        for sentence in trained_sentences(trained):
            say(sentence)
    reports["bounds"] = bounds_report(golden, tally)
    files = {
        **stages.files(),
        "ir/float.svg": draw(stages.canonical).encode(),
        "ir/design.svg": draw(golden).encode(),
        **vectors,
        **emit_targets(options.targets, Lowered(stages, samples[: options.vectors]), options.target),
        **_bits_files(reports["storage"], options.name, tuned),
        **{f"report/{name}.json": to_json(report) for name, report in reports.items()},
    }
    facts = {backend.name: backend.facts(files) for backend in backends}
    sizes = target_sizes(files, {name: found.sizes for name, found in facts.items()})
    files |= {"report/targets.json": to_json(sizes), "report/targets.txt": sizes_table(sizes).encode()}
    config = {
        "quantise": asdict(plan.quantise),
        "methods": asdict(plan.methods),
        "targets": list(options.targets),
        "vectors": options.vectors,
    }
    config |= {backend.name: asdict(backend.chosen(options.target)) for backend in backends if backend.options}
    told = {
        "qssmc": __version__,
        "tools": {"python": platform.python_version(), "numpy": np.__version__},
        "name": options.name,
        "model_sha256": source.sha256,
        "config": config,
        "config_sha256": hashlib.sha256(to_json(config)).hexdigest(),
        "calibration": origin,
        "data_set": source.data_set,
        "seed": options.seed,
        "input_format": asdict(source.input_format),
        "answers": {output.name: output.kind for output in graph.outputs},
        "golden": stages.golden_path,
    }
    summary = _summary(replace(options, quantise=plan.quantise), reports, origin, min(options.vectors, len(samples)))
    notes = tuple(found.note for found in facts.values() if found.note)
    return CompiledDesign(stages, with_manifest(files, told), summary, notes=notes)


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


def file_sha256(path: Path) -> str:
    """The hash that the manifest names a model by."""
    return hashlib.sha256(path.read_bytes()).hexdigest()


def _vector_files(graph: Graph, samples: NDArray[np.int64], outputs: dict[str, NDArray[np.int64]]) -> dict[str, bytes]:
    """Samples and what golden makes of them, as .npy for tools and as text for the emitted main."""
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


def _summary(options: CompileOptions, reports: Mapping[str, Any], origin: str, vectors: int) -> dict[str, Any]:
    storage, alignment = reports["storage"], reports["alignment"]
    widest = max(reports["certificate"]["ops"], key=lambda claim: int(claim["accumulator_width"]))
    return {
        **({"arrays": reports["arrays"]} if "arrays" in reports else {}),
        "name": options.name,
        "scheme": options.quantise.scheme,
        "bits": {
            "weights": options.quantise.weight_bits,
            "activations": options.quantise.activation_bits,
            "state": options.quantise.state_bits,
            "a": options.quantise.a_bits,
        },
        "calibration": origin,
        "vectors": vectors,
        "float_check_relative_error": reports["float_check"]["relative_error"],
        "error": reports["error"],
        "bits_by_kind": storage["bits_by_kind"],
        "parameter_bytes": (storage["parameter_bits"] + 7) // 8,
        "state_bytes": (storage["state_bits"] + 7) // 8,
        "float32_bytes": storage["float32_bytes"],
        "times_smaller": storage["times_smaller"],
        "published": storage["published"],
        "effort": {key: value for key, value in reports["effort"].items() if key != "ops"},
        "bounds": {key: value for key, value in reports["bounds"].items() if key not in ("states", "requants")},
        "alignment": {key: value for key, value in alignment.items() if key != "ops"},
        "widest_accumulator": {"op": widest["name"], "bits": widest["accumulator_width"]},
    }
