"""PTQ: accuracy and memory of designs made without training, through the emitted C, as docs/results/ptq.md.

Run by `make results`. Needs MNIST and the spoken digits (see `qssmc fetch`). Every point is kept in --work, so that a
run that was interrupted goes on where it stopped.
"""

from __future__ import annotations

import argparse
import hashlib
import json
import tempfile
import time
from concurrent.futures import ProcessPoolExecutor
from dataclasses import asdict
from pathlib import Path
from typing import Any

from rich.console import Console
from rich.progress import track

from benchmarks.ptq.cases import ABLATIONS, CASES, DATA, MODELS, SEQUENCES, Case
from benchmarks.ptq.page import page, picture
from benchmarks.ptq.prune import float_points
from qssmc import __version__
from qssmc.artifact.folder import write_folder
from qssmc.data import load_split
from qssmc.driver.compile import compile_checkpoint, file_sha256
from qssmc.driver.compile_options import CompileOptions
from qssmc.evaluation.accuracy import evaluate
from qssmc.models import load_checkpoint

_EXAMPLES = Path("examples")


def main() -> None:
    """Measure every point that is not there yet, and write the page."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.ptq", description=__doc__)
    parser.add_argument("--data", type=Path)
    parser.add_argument("-j", "--jobs", type=int, default=1)
    parser.add_argument("--models", default=",".join(MODELS), help="comma-separated; the page has the others' rows not")
    parser.add_argument("--no-ablations", action="store_true", help="the designs alone, and no pruning in float")
    parser.add_argument("--work", type=Path, default=Path("out/ptq"), help="where measured points are kept")
    parser.add_argument("-o", "--out", type=Path, default=Path("docs/results"))
    arguments = parser.parse_args()
    console = Console(stderr=True)
    cases = [case for case in _all_cases(not arguments.no_ablations) if case.model in arguments.models.split(",")]
    todo = [(case, seed) for case in cases for seed in case.seeds]
    jobs = [(case, seed, arguments.data, arguments.work) for case, seed in todo]
    with ProcessPoolExecutor(arguments.jobs) as pool:
        found = list(track(pool.map(_point, jobs), "designs", total=len(jobs), console=console))
    points = {(case, seed): point for (case, seed), point in zip(todo, found, strict=True)}
    floats = [] if arguments.no_ablations else float_points(arguments.data, arguments.work)
    arguments.out.mkdir(parents=True, exist_ok=True)
    (arguments.out / "ptq.md").write_text(page(points, floats))
    (arguments.out / "ptq.svg").write_text(picture(points))
    console.print(f"written: {arguments.out / 'ptq.md'}")


def _all_cases(with_ablations: bool) -> list[Case]:
    ablated = [case for ablation in ABLATIONS for case in ablation.cases().values() if with_ablations]
    cases = dict.fromkeys([*CASES, *ablated])
    return sorted(cases, key=lambda case: list(MODELS).index(case.model))  # small models first


def _point(job: tuple[Case, int, Path | None, Path]) -> dict[str, Any]:
    """Accuracy, bits and effort of one design, measured or read back."""
    case, seed, data, work = job
    path = _EXAMPLES / MODELS[case.model]
    identity = json.dumps([asdict(case), seed, file_sha256(path), __version__], default=str, sort_keys=True)
    kept = work / f"{hashlib.sha256(identity.encode()).hexdigest()[:16]}.json"
    if kept.is_file():
        return dict(json.loads(kept.read_text()))
    checkpoint = load_checkpoint(path)
    calib = f"{DATA[case.model]}:{SEQUENCES[case.model]}"
    quantise = case.quantise(4 * checkpoint.sequence_length)
    options = CompileOptions("design", quantise, calib=calib, seed=seed, vectors=1, methods=case.methods)
    start = time.process_time()
    design = compile_checkpoint(checkpoint, file_sha256(path), options, data=data, say=lambda _: None)
    seconds = time.process_time() - start
    with tempfile.TemporaryDirectory() as folder:
        write_folder(design.files, Path(folder) / "design", force=False)
        test = load_split(DATA[case.model], "test", data)
        accuracy = evaluate(Path(folder) / "design", "c", test).accuracy
    point = {**_facts(design), "accuracy": accuracy, "seconds": round(seconds, 1), "case": json.loads(identity)}
    work.mkdir(parents=True, exist_ok=True)
    partial = kept.with_suffix(".partial")
    partial.write_text(json.dumps(point))
    partial.replace(kept)
    return point


def _facts(design: Any) -> dict[str, Any]:
    summary, storage = design.summary, json.loads(design.files["report/storage.json"])
    parts = [
        part for part in storage["parts"] if part["kind"] in ("weights", "input weights", "output weights", "factors")
    ]
    elements = sum(part["elements"] for part in parts)
    return {
        "bytes": summary["parameter_bytes"] + summary["state_bytes"],
        "parameter_bytes": summary["parameter_bytes"],
        "state_bytes": summary["state_bytes"],
        "times_smaller": summary["times_smaller"],
        "weight_bits": round(sum(part["bits"] for part in parts) / max(1, elements), 2),
        "published_saving": storage["published"]["saving_percent"],
        "formula_saving": storage["published"]["formula_saving_percent"],
        "ace_times_less": summary["effort"]["ace_times_less"],
        "adc_times_less": summary["effort"]["adc_times_less"],
        "ace": summary["effort"]["ace"],
    }


if __name__ == "__main__":
    main()
