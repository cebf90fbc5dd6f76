"""Targets: C, HLS C++ and ONNX held against golden, op by op and by their predictions, as docs/results/targets.md.

Run by `make results-targets`; needs MNIST and g++. Designs and what was compared are kept in --work, so that a run that
was interrupted goes on where it stopped. A difference ends the run.
"""

from __future__ import annotations

import argparse
import hashlib
import json
import os
import re
import subprocess
import sys
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from benchmarks.shared.machine import machine
from benchmarks.targets.cases import CASES, Design
from benchmarks.targets.page import page
from qssmc import __version__
from qssmc.artifact.manifest import read_manifest
from qssmc.backends import hls, verilog
from qssmc.backends.hls import HlsOptions
from qssmc.backends.verilog import VerilogOptions
from qssmc.data import Sequences, load_split
from qssmc.driver.compile import file_sha256
from qssmc.driver.verify import verify_folder
from qssmc.errors import VerificationError
from qssmc.evaluation.accuracy import evaluate
from qssmc.ir import Graph, parse
from qssmc.verification.toolchain import Toolchain

SEQUENCES = 20  # compared op by op
PREDICTIONS = 1000  # of the test set
LANES = (1, 4)  # of the estimates
Figures = dict[str, Any] | None  # None: not measured yet


@dataclass(frozen=True)
class By:
    """What runs a design: a target, and for C++ whether with the open headers."""

    name: str
    what: str
    target: str
    open_headers: bool = False

    def tools(self, ap_types: Path | None) -> Toolchain:
        """The compilers of a run."""
        return Toolchain(ap_types=ap_types if self.open_headers else None)


RUNS = (
    By("c", "C", "c"),
    By("hls", "C++, stand-in", "hls"),
    By("onnx", "ONNX Runtime", "onnx"),
    By("hls-open", "C++, open headers", "hls", open_headers=True),
)


def main() -> None:
    """Compare what was not compared yet, and write the page."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.targets", description=__doc__)
    parser.add_argument("--data", type=Path)
    parser.add_argument("--ap-types", type=Path, help="folder of the open ap_int.h, for the C++ a second time")
    parser.add_argument("--work", type=Path, default=Path("out/targets"), help="where designs and figures are kept")
    parser.add_argument("--kept", action="store_true", help="measure nothing; the page says what is not there yet")
    parser.add_argument("-o", "--out", type=Path, default=Path("docs/results"))
    arguments = parser.parse_args()
    test = load_split("mnist", "test", arguments.data).take(PREDICTIONS)
    designs = [one for one in CASES if not arguments.kept or _folder(arguments.work, one).is_dir()]
    found = [_compared(arguments.work, design, test, arguments) for design in designs]
    arguments.out.mkdir(parents=True, exist_ok=True)
    text = page(found, machine(None), predictions=len(test), ap_types=arguments.ap_types is not None)
    (arguments.out / "targets.md").write_text(text)
    print(f"written: {arguments.out / 'targets.md'}")


def _compared(work: Path, design: Design, test: Sequences, arguments: argparse.Namespace) -> dict[str, Any]:
    """All figures of one design: by what ran it, every op and the predictions; and `make csim`.

    What takes longest, the open headers, comes last.
    """
    folder = _compiled(work, design, arguments.data)
    digest = hashlib.sha256((folder / "manifest.json").read_bytes()).hexdigest()
    kept = Kept(work, f"{design.name}-{digest[:12]}", only=arguments.kept)

    def ops(by: By) -> Figures:
        return kept(f"{by.name}-ops", lambda: _verified(folder, by.target, by.tools(arguments.ap_types)))

    def predictions(by: By) -> Figures:
        tools = by.tools(arguments.ap_types)
        return kept(f"{by.name}-{len(test)}-predictions", lambda: _predicted(folder, by.target, tools, test))

    csim = kept("csim", lambda: _csim(folder))
    found: dict[str, dict[str, Figures]] = {by.what: {"ops": ops(by)} for by in RUNS if not by.open_headers}
    golden = kept("golden", lambda: _predicted(folder, "golden", Toolchain(), test))
    for by in (by for by in RUNS if arguments.ap_types is not None or not by.open_headers):
        found[by.what] = {"ops": ops(by), "predictions": predictions(by)}
        if golden and (told := found[by.what]["predictions"]):
            differing = np.flatnonzero(np.not_equal(told["found"], golden["found"]))
            if differing.size:
                raise VerificationError(f"{design.name}: {by.what} and golden differ at test image {differing[0]}")
    return {
        "design": design,
        "right": golden and int((np.array(golden["found"]) == test.labels).sum()),
        "golden": golden,
        "runs": found,
        "csim": csim,
        "estimates": _estimates(parse((folder / read_manifest(folder)["golden"]).read_text())),
    }


def _estimates(graph: Graph) -> dict[tuple[int, str], dict[str, Any]]:
    """What the compiler expects of HLS and of Verilog, by lanes and target."""
    found = {}
    for lanes in LANES:
        project, core = hls.emit(graph, HlsOptions(lanes=lanes)), verilog.emit(graph, VerilogOptions(lanes))
        found[lanes, "HLS"] = dict(json.loads(project[hls.ESTIMATE]))
        found[lanes, "Verilog"] = dict(json.loads(core[verilog.ESTIMATE]))
    return found


class Kept:
    """Figures by name, measured once and read back later; only: nothing is measured, and what is not there is None."""

    def __init__(self, work: Path, stem: str, *, only: bool) -> None:
        self.work, self.stem, self.only = work, stem, only

    def __call__(self, name: str, measure: Callable[[], dict[str, Any]]) -> Figures:
        path = self.work / f"{self.stem}-{name}.json"
        if not path.is_file():
            if self.only:
                return None
            print(f"{self.stem}: {name}", flush=True)
            started, before = time.monotonic(), _cpu()
            told = {**measure(), "seconds": round(time.monotonic() - started, 1)}
            told["cpu_seconds"] = round(_cpu() - before, 1)
            partial = path.with_suffix(".partial")
            partial.write_text(json.dumps(told))
            partial.replace(path)
        return dict(json.loads(path.read_text()))


def _cpu() -> float:
    """CPU seconds of this process and of those that it has ended."""
    times = os.times()
    return times.user + times.system + times.children_user + times.children_system


def _folder(work: Path, design: Design) -> Path:
    """Where a design lies, by its model, what is asked of it and the version."""
    identity = json.dumps([design.arguments, file_sha256(design.model), __version__])
    return work / f"{design.name}-{hashlib.sha256(identity.encode()).hexdigest()[:12]}"


def _compiled(work: Path, design: Design, data: Path | None) -> Path:
    """The folder of a design, compiled by the command that the page names if it is not there."""
    folder = _folder(work, design)
    if not folder.is_dir():
        where = [] if data is None else ["--data", str(data)]
        command = [sys.executable, "-m", "qssmc", "-q", "compile", str(design.model), *design.arguments, *where]
        subprocess.run([*command, "-o", str(folder)], check=True)
    return folder


def _verified(folder: Path, target: str, tools: Toolchain) -> dict[str, Any]:
    """What verify_folder says of the first sequences."""
    told = verify_folder(folder, tools=tools, limit=SEQUENCES, only=(target,))
    return {"sequences": told.sequences, "steps": told.steps, "ops": told.ops, "values": told.values}


def _predicted(folder: Path, engine: str, tools: Toolchain, test: Sequences) -> dict[str, Any]:
    return {"found": evaluate(folder, engine, test, tools=tools).predictions.tolist()}


def _csim(folder: Path) -> dict[str, Any]:
    """`make csim` from nothing, with g++ and the stand-in alone."""
    hls = folder / "hls"
    subprocess.run(["make", "-s", "-C", str(hls), "clean"], check=True)
    said = subprocess.run(
        ["make", "-C", str(hls), "csim", "CXX=g++"], capture_output=True, text=True, check=True
    ).stdout
    subprocess.run(["make", "-s", "-C", str(hls), "clean"], check=True)
    (sequences,) = re.findall(r"(\d+) sequences of \d+ samples: every output is as expected", said)
    return {"sequences": int(sequences)}


if __name__ == "__main__":
    main()
