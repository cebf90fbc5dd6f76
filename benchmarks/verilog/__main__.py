"""Verilog: clocks a step, whole sequences in simulators, cores placed on boards, written to docs/results/verilog.md.

Run by `make results-verilog`; needs MNIST, the spoken digits, yosys, nextpnr and their packers. Designs and placed
cores are kept in --work, so that a run that was interrupted goes on where it stopped.
"""

from __future__ import annotations

import argparse
import hashlib
import json
import resource
import shutil
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

from benchmarks.verilog.cases import BOARDS, CASES, LANES, REPLAYS, Case, Placed, Replayed
from benchmarks.verilog.page import page
from qssmc import __version__
from qssmc.artifact.folder import write_folder
from qssmc.artifact.manifest import MANIFEST, read_manifest, with_manifest
from qssmc.backends.verilog import VerilogOptions, emit
from qssmc.backends.verilog.issue_table import issue_table
from qssmc.backends.verilog.recurrence import layers_of
from qssmc.driver.compile import file_sha256
from qssmc.driver.verify import verify_folder
from qssmc.ir import parse
from qssmc.synth import synthesise
from qssmc.verification.toolchain import Toolchain


def main() -> None:
    """Measure every point that is not there yet, and write the page."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.verilog", description=__doc__)
    parser.add_argument("--work", type=Path, default=Path("out/verilog"), help="where designs and points are kept")
    parser.add_argument("-o", "--out", type=Path, default=Path("docs/results"))
    parser.add_argument(
        "--kept", action="store_true", help="place and simulate nothing; the page names what is missing"
    )
    arguments = parser.parse_args()
    paces = [_pace(arguments.work, case, lanes) for case in CASES for lanes in LANES]
    replays = [(replay, _replayed(arguments.work, replay, kept=arguments.kept)) for replay in REPLAYS]
    found = [(placed, _placed(arguments.work, placed, kept=arguments.kept)) for placed in BOARDS]
    arguments.out.mkdir(parents=True, exist_ok=True)
    (arguments.out / "verilog.md").write_text(page(paces, replays, found))
    print(f"written: {arguments.out / 'verilog.md'}")


def _compiled(work: Path, case: Case) -> Path:
    """The folder of a design, compiled by the command that the page names if it is not there."""
    identity = json.dumps([case.arguments, file_sha256(case.model), __version__])
    folder = work / f"{case.name}-{_short(identity)}"
    if not folder.is_dir():
        command = [sys.executable, "-m", "qssmc", "compile", str(case.model), *case.arguments, "-o", str(folder)]
        subprocess.run(command, check=True)
    return folder


def _core(work: Path, case: Case, options: VerilogOptions) -> dict[str, bytes]:
    """The files of a core of the golden model, as `qssmc compile` with these options writes them."""
    folder = _compiled(work, case)
    graph = parse((folder / read_manifest(folder)["golden"]).read_text())
    return {path: text.encode() for path, text in emit(graph, options).items()}


def _pace(work: Path, case: Case, lanes: int) -> dict[str, Any]:
    """Clocks a step of a core and what they are measured by; nothing is simulated."""
    folder = _compiled(work, case)
    graph = parse((folder / read_manifest(folder)["golden"]).read_text())
    files = _core(work, case, VerilogOptions(lanes))
    expected = json.loads(files["verilog/design.json"])["expected"]
    layers = layers_of(graph)
    states = [len(layer.heads) for layer in layers]
    beats = [issue_table(layer.heads, layer.channels, lanes).count for layer in layers]
    return {"case": case, "lanes": lanes, "states": states, "beats": beats, **expected}


def _replayed(work: Path, replay: Replayed, *, kept: bool) -> dict[str, Any] | None:
    """What verification of whole sequences compared, read back or made, or None where only kept ones are wanted.

    Raises VerificationError where the core differs from golden.
    """
    compiled = _compiled(work, replay.case)
    files = _core(work, replay.case, VerilogOptions(replay.lanes))
    digest = _digest(files)
    folder = work / f"{replay.case.name}-{replay.lanes}-{digest}"
    result = folder.with_name(f"{folder.name}-{replay.simulator}-{replay.sequences}.json")
    if not result.is_file():
        if kept:
            return None
        for path in compiled.rglob("*"):
            name = path.relative_to(compiled).as_posix()
            if path.is_file() and not name.startswith("verilog/") and name != MANIFEST:
                files[name] = path.read_bytes()
        facts = {name: fact for name, fact in read_manifest(compiled).items() if name != "files"}
        write_folder(with_manifest(files, facts), folder, force=True)
        print(f"{replay.case.title}: {replay.sequences} sequences in {replay.simulator}", flush=True)
        started = time.process_time() + _children()
        verified = verify_folder(folder, tools=Toolchain(simulator=replay.simulator), limit=replay.sequences)
        seconds = time.process_time() + _children() - started
        interval = json.loads(files["verilog/design.json"])["expected"]["interval"]
        facts = {"values": verified.values, "by": verified.compiler, "interval": interval, "seconds": round(seconds)}
        result.write_text(json.dumps(facts))
        print(f"{verified.values:,} values equal, {seconds:.0f} s of CPU", flush=True)
    found: dict[str, Any] = json.loads(result.read_text())
    return found


def _children() -> float:
    """Seconds of CPU of programs that have ended."""
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    return used.ru_utime + used.ru_stime


def _placed(work: Path, placed: Placed, *, kept: bool) -> dict[str, Any] | None:
    """The report of a placed core, read back or made, or None where only kept ones are wanted and it is not there.

    The same files are not placed twice.
    """
    files = _core(work, placed.case, VerilogOptions(placed.lanes, placed.multipliers))
    digest = _digest(files)
    folder = work / f"{placed.case.name}-{placed.board}-{placed.lanes}-{digest}"
    report = folder / "synth" / "report.json"
    if not report.is_file():
        if kept:
            return None
        compiled = _compiled(work, placed.case)
        files["vectors/samples.npy"] = (compiled / "vectors" / "samples.npy").read_bytes()
        facts = {name: fact for name, fact in read_manifest(compiled).items() if name != "files"}
        shutil.rmtree(folder, ignore_errors=True)  # of a run that was interrupted
        write_folder(with_manifest(files, facts), folder, force=False)
        print(f"placing {placed.case.title}, {placed.lanes} lane(s), on {placed.board}", flush=True)
        made = synthesise(folder, placed.board)
        print(made.report["verdict"], flush=True)
    found: dict[str, Any] = json.loads(report.read_text())
    return found


def _digest(files: dict[str, bytes]) -> str:
    """What tells one core from another; neither reports about it nor its cocotb bench do."""
    kinds = (".v", ".mem", ".json", ".cpp")  # main.cpp replays it in Verilator
    cores = {path: text for path, text in files.items() if path.startswith("verilog/") and path.endswith(kinds)}
    return _short(json.dumps({path: hashlib.sha256(text).hexdigest() for path, text in sorted(cores.items())}))


def _short(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()[:12]


if __name__ == "__main__":
    main()
