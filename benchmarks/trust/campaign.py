"""Campaign: random models, each on inputs of every kind, through every target, against the golden model.

    python -m benchmarks.trust.campaign --models 1000 -j 2

Each model is made from its seed alone and logged as it ends, so that a run that was interrupted goes on. Ends with 1
where any output of any target differs, or a compilation fails in another way than with a refusal.
"""

from __future__ import annotations

import os

os.environ.setdefault("OMP_NUM_THREADS", "1")
os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")

import argparse
import json
import tempfile
import time
import traceback
import warnings
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ProcessPoolExecutor, as_completed
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from rich.console import Console

import qssmc
from benchmarks.trust.models import LENGTH, RandomModel, edge_inputs, random_model
from qssmc.errors import QssmcError
from qssmc.ir.graph import Graph
from qssmc_sim import run
from qssmc_sim.emitted_c import EmittedC
from qssmc_sim.emitted_hls import EmittedHls
from qssmc_sim.emitted_onnx import EmittedOnnx
from qssmc_sim.emitted_verilog import EmittedVerilog

Samples = NDArray[np.int64]
Outputs = Mapping[str, NDArray[Any]]
# Every so many models a target is run: a simulation or a build of C++ takes seconds. 1: on each.
EVERY = {"c": 1, "onnx": 1, "hls": 3, "icarus": 3, "verilator": 30, "crossbar host": 3}
_CLOCKED = 4  # sequences that a core replays
# C is built in turns as an AVX2 host and as a microcontroller builds it; what a core computes, no optimisation changes.
_C_FLAGS = (
    ("-std=c99", "-O3", "-march=native"),
    ("-std=c99", "-O1", "-DQSSM_PACKED_TABLES"),
    ("-std=c99", "-O2", "-march=native", "-DQSSM_PACKED_TABLES"),
)
_QUICK = {"verilator": ("-O1", "-CFLAGS", "-O0"), "icarus": ()}


def main() -> int:
    """Run what is not logged yet."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.trust.campaign", description=__doc__)
    parser.add_argument("--models", type=int, default=60, help="seeds 0 to N-1")
    parser.add_argument("--minutes", type=float, default=0, help="end after so many, whatever is left")
    parser.add_argument("-j", "--jobs", type=int, default=1)
    parser.add_argument("--work", type=Path, default=Path("out/trust"), help="where the log is kept")
    arguments = parser.parse_args()
    console = Console(stderr=True, soft_wrap=True)
    log = arguments.work / "campaign.jsonl"
    arguments.work.mkdir(parents=True, exist_ok=True)
    done = {record["seed"] for record in read_log(log)}
    todo = [seed for seed in range(arguments.models) if seed not in done]
    console.print(f"{len(done)} models are logged in {log}, {len(todo)} are left")
    end = time.monotonic() + 60 * arguments.minutes if arguments.minutes else None
    with ProcessPoolExecutor(arguments.jobs) as pool, log.open("a") as opened:
        jobs = [pool.submit(run_model, seed, end) for seed in todo]
        for job in as_completed(jobs):
            record = job.result()
            if record is None:
                continue
            opened.write(json.dumps(record, sort_keys=True) + "\n")
            opened.flush()
            if record["faults"]:
                console.print(f"seed {record['seed']}: {'; '.join(record['faults'])}", markup=False)
    records = read_log(log)
    console.print(table(records), markup=False)
    return 1 if any(record["faults"] for record in records) else 0


def read_log(log: Path) -> list[dict[str, Any]]:
    """The records of all models that have run, by seed."""
    lines = log.read_text().splitlines() if log.is_file() else []
    records = {record["seed"]: record for record in map(json.loads, lines)}
    return [records[seed] for seed in sorted(records)]


def run_model(seed: int, end: float | None = None) -> dict[str, Any] | None:
    """One model: compiled, and every target that is its turn run on every input. None after the end."""
    if end is not None and time.monotonic() > end:
        return None
    start = time.monotonic()
    model = random_model(seed)
    record: dict[str, Any] = {"seed": seed, "faults": [], "refused": {}, "ran": {}, "facts": model.facts}
    record["c"] = " ".join(_C_FLAGS[seed % len(_C_FLAGS)])
    turns = {name for name, every in EVERY.items() if seed % every == 0}
    with tempfile.TemporaryDirectory() as scratch:
        _designs(model, seed, turns, Path(scratch), record)
    record["seconds"] = round(time.monotonic() - start, 2)
    return record


def _designs(model: RandomModel, seed: int, turns: set[str], scratch: Path, record: dict[str, Any]) -> None:
    """The design of processors and cores, and that of arrays."""
    targets = {"c", "onnx"} | ({"hls"} & turns) | ({"verilog"} if turns & {"icarus", "verilator"} else set())
    samples = edge_inputs(model.checkpoint.input_format, model.checkpoint.config.d_input, LENGTH, seed)
    graph = _compiled(model, sorted(targets), {}, scratch / "design", record)
    if graph is not None:
        record["hash"] = _shape(graph)
        _run_all(graph, samples, scratch / "design", turns - {"crossbar host"}, record)
    if "crossbar host" in turns:
        graph = _compiled(model, ["crossbar"], model.arrays, scratch / "arrays", record)
        if graph is not None:
            _run_all(graph, samples, scratch / "arrays", {"crossbar host"}, record)


def _shape(graph: Graph) -> dict[str, int]:
    return dict(Counter(op.mnemonic for op in graph.ops))


def _compiled(
    model: RandomModel, targets: list[str], more: dict[str, Any], folder: Path, record: dict[str, Any]
) -> Graph | None:
    what = "+".join(targets)
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            keywords = {**model.keywords, **more, "name": "m"}
            return qssmc.compile(model.checkpoint, target=targets, output_dir=folder, **keywords).golden
    except QssmcError as error:
        if error.exit_code in (2, 3):
            record["refused"][what] = str(error)[:300]
        else:
            record["faults"].append(f"{what}: exit {error.exit_code}: {error}"[:500])
    except Exception:
        record["faults"].append(f"{what}: {traceback.format_exc()[-800:]}")
    return None


def _run_all(graph: Graph, samples: Samples, folder: Path, turns: set[str], record: dict[str, Any]) -> None:
    golden = run(graph, samples).outputs
    few = {name: values[-_CLOCKED:] for name, values in golden.items()}
    runners: dict[str, Callable[[], int]] = {
        "c": lambda: _equal(_run_c(folder / "c", samples, record["c"].split()), golden),
        "onnx": lambda: _equal(EmittedOnnx(folder / "onnx", graph).run(samples), golden),
        "hls": lambda: _equal(_run_hls(folder / "hls", samples), golden),
        "crossbar host": lambda: _equal(_run_c(folder / "crossbar/host", samples, record["c"].split()), golden),
        "icarus": lambda: _replay(folder / "verilog", "icarus", samples[-_CLOCKED:], few),
        "verilator": lambda: _replay(folder / "verilog", "verilator", samples[-_CLOCKED:], few),
    }
    for name in sorted(turns):
        try:
            values = runners[name]()
            sequences = _CLOCKED if name in ("icarus", "verilator") else len(samples)
            record["ran"][name] = {"values": values, "sequences": sequences}
        except Exception as error:
            record["faults"].append(f"{name}: {type(error).__name__}: {error}"[:800])


def _run_c(folder: Path, samples: Samples, flags: Sequence[str] = _C_FLAGS[0]) -> Outputs:
    with EmittedC(folder, flags=flags) as emitted:
        return emitted.run(samples)


def _run_hls(folder: Path, samples: Samples) -> Outputs:
    with EmittedHls(folder) as emitted:
        return emitted.run(samples)


def _replay(folder: Path, simulator: str, samples: Samples, golden: Outputs) -> int:
    """The bench compares every output itself and raises at the first that differs."""
    with EmittedVerilog(folder, simulator=simulator, extra=_QUICK[simulator]) as emitted:
        emitted.replay(samples, golden, idle=40, stall=40)
    return sum(values.size for values in golden.values())


def _equal(found: Outputs, golden: Outputs) -> int:
    """How many values were compared; raises where one differs."""
    if set(found) != set(golden):
        raise ValueError(f"outputs {sorted(found)}, not {sorted(golden)}")
    for name, values in golden.items():
        if not np.array_equal(np.asarray(found[name]), values):
            raise ValueError(f"output {name}: {int((np.asarray(found[name]) != values).sum())} values differ")
    return sum(values.size for values in golden.values())


def table(records: list[dict[str, Any]]) -> str:
    """What ran, as Markdown: models, sequences and values by target."""
    lines = ["| target | models | sequences | output values compared | differences |", "|---|---|---|---|---|"]
    for target in EVERY:
        ran = [record["ran"][target] for record in records if target in record["ran"]]
        sequences, values = (sum(entry[what] for entry in ran) for what in ("sequences", "values"))
        wrong = sum(fault.startswith(f"{target}:") for record in records for fault in record["faults"])
        lines.append(f"| {target} | {len(ran):,} | {sequences:,} | {values:,} | {wrong} |")
    refused = Counter(target for record in records for target in record["refused"])
    faults = [fault for record in records for fault in record["faults"]]
    lines.append("")
    lines.append(
        f"{len(records):,} models of {LENGTH} steps, {sum(len(r['ran']) for r in records):,} runs of a target; "
        f"refused with a sentence: {sum(refused.values()):,} compilations; faults: {len(faults)}."
    )
    return "\n".join(lines)


if __name__ == "__main__":
    raise SystemExit(main())
