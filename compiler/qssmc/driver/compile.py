"""Compile: from a model to the files of a design, in memory; the command line and the Python calls only hand on."""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

from qssmc.analysis.dead_heads import dead_head_sentences
from qssmc.artifact.stages import Stages
from qssmc.driver.autotune import tune
from qssmc.driver.compile_options import CompileOptions
from qssmc.driver.design import CompiledDesign
from qssmc.driver.design_files import Replayed, design_files, signed, with_facts
from qssmc.driver.design_reports import cost_reports, measured_reports, summary_of
from qssmc.driver.error_of_design import judge, pruned_sentence
from qssmc.driver.forecast import WORTH_A_LINE, check_memory, forecast
from qssmc.driver.model_source import ModelSource, from_checkpoint
from qssmc.driver.traced_source import Say, TracedSource, trace_source
from qssmc.driver.trained_quantisation import trained_sentences
from qssmc.driver.watch import Told, Watch
from qssmc.ir.graph import Graph
from qssmc.passes.pipeline import run_pipeline
from qssmc.passes.plan import PassPlan, Row
from qssmc.report import Tally
from qssmc.targets.registry import BACKENDS
from qssmc_sim import run

if TYPE_CHECKING:
    from qssmc.models import Checkpoint

Seen = Callable[[Row, Graph], None]


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
    progress: Told | None = None,
) -> CompiledDesign:
    """Trace or import, check against the original, quantise, prove, emit. Raises a QssmcError; nothing is written.

    progress: see qssmc.driver.watch.
    """
    watch = Watch(progress)
    watch.begin("tracing")
    traced = trace_source(source, options, data, say)
    plan, tuned = _watched_plan(traced, options, watch, say), None
    if options.goal is not None:
        tuned = tune(traced.objective(options), options.goal, options.space, say)
        plan = tuned.plan

    def seen(row: Row, result: Graph) -> None:
        say(f"pass {row.name}: {len(result.ops)} ops")
        detail(row.reason)

    def begins(row: Row) -> None:
        watch.begin(f"pass {row.name}")

    stages = run_pipeline(plan, seen, begins)
    for sentence in dead_head_sentences(stages.calibrated):
        say(sentence)
    stages = _lowered(stages, plan, options, seen)
    samples = traced.samples[: options.vectors]
    watch.begin("golden")
    say(f"golden: {len(samples)} sequences for verification")
    tally = Tally(stages.golden)
    replayed = Replayed(samples, run(stages.golden, samples, tally).outputs)
    watch.begin("reports")
    reports = cost_reports(stages, traced, options) | measured_reports(stages, traced, options, replayed, tally, data)
    say(pruned_sentence(reports["error"]["pruned"]))
    judge(reports["error"], options.max_error, say)
    for sentence in trained_sentences(reports.get("trained_quantisation")):
        say(sentence)
    watch.begin("files")
    files = design_files(stages, options, replayed, reports, tuned, lambda name: watch.begin(f"emission of {name}"))
    facts = {name: BACKENDS[name].facts(files) for name in options.targets}
    files = signed(with_facts(files, facts), traced, plan, stages, options)
    summary = summary_of(plan.quantise, options, reports, traced.origin, len(samples))
    return CompiledDesign(stages, files, summary, notes=tuple(found.note for found in facts.values() if found.note))


def _watched_plan(traced: TracedSource, options: CompileOptions, watch: Watch, say: Say) -> PassPlan:
    """The passes that the options ask for, after a forecast of what they take; UsageError where memory is short."""
    watch.size = traced.samples.shape[0] * traced.samples.shape[1]
    plan = traced.plan(options, watch.simulator(run))
    ahead = forecast(traced.graph, plan.reals, run)
    if ahead.seconds >= WORTH_A_LINE:
        say(str(ahead))
    check_memory(ahead)
    return plan


def _lowered(stages: Stages, plan: PassPlan, options: CompileOptions, seen: Seen) -> Stages:
    """The stages with those that targets with hardware of their own add."""
    for backend in (BACKENDS[name] for name in options.targets):
        if backend.lowering is not None:
            stages = backend.lowering.run(backend.chosen(options.target), plan, stages, seen)
    return stages


def file_sha256(path: Path) -> str:
    """The hash that the manifest names a model by."""
    return hashlib.sha256(path.read_bytes()).hexdigest()
