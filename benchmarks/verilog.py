"""Verilog: clocks a step beside their bounds, and cores placed on boards, written to docs/results/verilog.md.

Run by `make results-verilog`; needs MNIST, yosys, nextpnr and their packers. Designs and placed cores are kept in
--work, so that a run that was interrupted goes on where it stopped.
"""

from __future__ import annotations

import argparse
import hashlib
import json
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

from qssmc import __version__
from qssmc.backends.verilog import VerilogOptions, emit
from qssmc.backends.verilog.beats import beats_of
from qssmc.backends.verilog.recurrence import layers_of
from qssmc.compile import file_sha256
from qssmc.folder import read_manifest, with_manifest, write_folder
from qssmc.ir import parse
from qssmc.synth import synthesise
from verilog_cases import BOARDS, CASES, LANES, Case, Placed
from verilog_page import page


def main() -> None:
    """Measure every point that is not there yet, and write the page."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--work", type=Path, default=Path("out/verilog"), help="where designs and points are kept")
    parser.add_argument("-o", "--out", type=Path, default=Path("docs/results"))
    parser.add_argument("--kept", action="store_true", help="place nothing; the page names the cores not placed yet")
    arguments = parser.parse_args()
    paces = [_pace(arguments.work, case, lanes) for case in CASES for lanes in LANES]
    found = [(placed, _placed(arguments.work, placed, kept=arguments.kept)) for placed in BOARDS]
    arguments.out.mkdir(parents=True, exist_ok=True)
    (arguments.out / "verilog.md").write_text(page(paces, found))
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
    beats = [beats_of(layer.heads, layer.channels, lanes).count for layer in layers]
    return {"case": case, "lanes": lanes, "states": states, "beats": beats, **expected}


def _placed(work: Path, placed: Placed, *, kept: bool) -> dict[str, Any] | None:
    """The report of a placed core, read back or made, or None where only kept ones are wanted and it is not there.

    The same files are not placed twice.
    """
    files = _core(work, placed.case, VerilogOptions(placed.lanes, placed.multipliers))
    digest = _short(json.dumps({path: hashlib.sha256(text).hexdigest() for path, text in sorted(files.items())}))
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


def _short(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()[:12]


if __name__ == "__main__":
    main()
