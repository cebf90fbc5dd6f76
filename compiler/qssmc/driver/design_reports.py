"""The reports of a design, by name: storage, effort, alignment, certificate, bounds and errors, and their summary."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from qssmc.artifact.stages import Stages
from qssmc.data.thin_calibration import thin_calibration
from qssmc.driver.compile_options import CompileOptions
from qssmc.driver.design_files import Replayed
from qssmc.driver.error_of_design import Measure, error_report, pruned
from qssmc.driver.held_out import held_out_of
from qssmc.driver.traced_source import TracedSource
from qssmc.driver.trained_quantisation import trained_quantisation
from qssmc.passes.quantise import QuantiseOptions
from qssmc.report import (
    Tally,
    alignment_report,
    bounds_report,
    certificate,
    effort_report,
    head_count,
    state_numbers,
    storage_report,
)
from qssmc.targets.registry import BACKENDS

Reports = dict[str, Any]


def cost_reports(stages: Stages, traced: TracedSource, options: CompileOptions) -> Reports:
    """What the design takes and what is proven of it: facts of the graphs alone."""
    golden, graph = stages.golden, traced.graph
    reports = {
        "storage": storage_report(stages.proven, traced.source.parameters, state_numbers(graph), head_count(graph)),
        "effort": effort_report(stages.oscillators or golden, graph),
        "alignment": alignment_report(stages["quantise"], stages.proven),
        "certificate": certificate(golden),
        "float_check": {"relative_error": float(f"{traced.error:.3e}"), "sequences": traced.compared},
    }
    for backend in (BACKENDS[name] for name in options.targets):
        if backend.lowering is not None:
            reports |= backend.lowering.reports(stages, backend.chosen(options.target))
    return reports


def measured_reports(
    stages: Stages, traced: TracedSource, options: CompileOptions, replayed: Replayed, tally: Tally, data: Path | None
) -> Reports:
    """What the design does on real sequences: its errors, and how far its states reach."""
    source, samples = traced.source, traced.samples
    held_out = held_out_of(
        options.held_out,
        options.calib,
        len(samples),
        (source.input_format, source.d_input),
        steps=options.quantise.max_steps if source.pooled else None,
        seed=options.seed,
        data=data,
    )
    error = error_report(stages, Measure(source.input_format, samples, replayed.outputs, *held_out))
    warnings = list(thin_calibration(samples, source.input_format, source.length))
    trained = trained_quantisation(stages, samples, source.input_format)
    return {
        "error": error | {"pruned": pruned(stages), "calibration_warnings": warnings},
        "bounds": bounds_report(stages.golden, tally),
        **({} if trained is None else {"trained_quantisation": trained}),
    }


def summary_of(
    quantise: QuantiseOptions, options: CompileOptions, reports: Mapping[str, Any], origin: str, vectors: int
) -> dict[str, Any]:
    """The facts worth printing. quantise: what the bits became, which a search may have changed."""
    storage, alignment = reports["storage"], reports["alignment"]
    widest = max(reports["certificate"]["ops"], key=lambda claim: int(claim["accumulator_width"]))
    return {
        **({"arrays": reports["arrays"]} if "arrays" in reports else {}),
        "name": options.name,
        "scheme": quantise.scheme,
        "bits": {
            "weights": quantise.weight_bits,
            "activations": quantise.activation_bits,
            "state": quantise.state_bits,
            "a": quantise.a_bits,
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
