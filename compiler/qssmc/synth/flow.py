"""Flow: yosys, then nextpnr and the packer, over the Verilog of a compiled folder; the results go to OUT/synth."""

from __future__ import annotations

import json
import math
import os
import shutil
import tempfile
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from qssmc.artifact.manifest import read_manifest
from qssmc.data.npy import read_npy
from qssmc.errors import MalformedInputError, ToolError, UnsupportedModelError, UsageError
from qssmc.ir.json_text import parse_json
from qssmc.synth import report
from qssmc.synth.boards import BOARDS, FAMILIES, Board, Fpga
from qssmc.synth.tools import Choice, Program, find

FOLDER = "synth"
SEED = 1
LEAST_CLOCKS = 4  # a bit of the serial line
MARGIN = 1.25  # of the core's pace over the serial line's
_PLACERS = {"ice40": ("nextpnr-ice40", "icepack"), "ecp5": ("nextpnr-ecp5", "ecppack")}


@dataclass(frozen=True)
class Synthesis:
    """The report, the folder it was written to, and the sentence that says why the design is not usable, if so."""

    report: dict[str, Any]
    folder: Path
    fault: str | None


@dataclass(frozen=True)
class _Core:
    """What is to be built: the folder of the Verilog, its facts, and the length of a sequence."""

    source: Path
    facts: dict[str, Any]
    length: int

    @property
    def name(self) -> str:
        return str(self.facts["top"]).removesuffix("_top")

    @property
    def bit_clocks(self) -> int:
        """Clocks a bit of the serial line, so slow that the core takes an element before the next one is there."""
        sample = self.facts["sample"]
        pace = int(self.facts["expected"]["interval"]) / int(sample["count"])
        return max(LEAST_CLOCKS, math.ceil(MARGIN * pace / (10 * int(sample["bytes"]))))


def synthesise(
    folder: Path, target: str, *, tools: Choice = "auto", clock: float | None = None, force: bool = False
) -> Synthesis:
    """Build a compiled folder for a board or a family; clock: MHz that must be met, by default the board's own.

    A design that does not fit, or misses its clock, has its report all the same. Raises ToolError where a program is
    missing or fails, UsageError for a folder that cannot be used.
    """
    core = _read(folder)
    out = folder / FOLDER
    if out.exists() and not force:
        raise UsageError(f"{out} exists; give --force to replace it")
    board = BOARDS.get(target)
    device = board.device if board else FAMILIES[target].device
    programs = [find(name, tools) for name in ("yosys", *_PLACERS.get(device.family, ()))]
    work = Path(tempfile.mkdtemp(prefix=f".{FOLDER}-", dir=folder.absolute()))  # programs run in another folder
    try:
        found = _mapped(core, device, board, programs[0], work)
        made: dict[str, Any] = {
            "design": core.name,
            "board": target if board else None,
            "device": device.name,
            "tools": {programs[0].name: programs[0].version("-V")},
            "expected": {
                "multipliers": core.facts["expected"]["multipliers"],
                "memory_bits": core.facts["expected"]["rom_bits"] + core.facts["expected"]["ram_bits"],
                "interval": core.facts["expected"]["interval"],
            },
            "found": found,
        }
        fault = None
        if board:
            fault = _placed(core, board, programs, work, made, board.clock if clock is None else clock)
        made["verdict"] = fault or ("it fits, and meets its clock" if board else "cells counted; nothing was placed")
        (work / "report.json").write_text(report.to_json(made))
        (work / "report.txt").write_text(report.text(made))
        work.chmod(0o755)
        if out.exists():
            shutil.rmtree(out)
        work.rename(out)
    finally:
        shutil.rmtree(work, ignore_errors=True)
    return Synthesis(made, out, fault)


def _read(folder: Path) -> _Core:
    read_manifest(folder)
    source = folder / "verilog"
    if not (source / "design.json").is_file():
        raise UsageError(f"{folder} holds no Verilog; compile with --target verilog")
    try:
        facts = parse_json((source / "design.json").read_bytes())
        length = int(read_npy(folder / "vectors/samples.npy").shape[1])
        outputs = len(facts["outputs"])
    except (OSError, ValueError, KeyError, IndexError, TypeError) as error:
        raise MalformedInputError(f"{folder} is not complete ({error}); compile the model again") from error
    if outputs != 1:
        raise UnsupportedModelError(f"a board's serial line carries one output, but {folder} has {outputs}")
    return _Core(source, facts, length)


def _beside(core: _Core, work: Path) -> str:
    """The folder of results as programs see it that run in that of the core: the yowasp ones have a /tmp of their own,
    where nothing of an absolute path below the real one is found."""
    return os.path.relpath(work, core.source.absolute())


def _mapped(core: _Core, device: Fpga, board: Board | None, yosys: Program, work: Path) -> dict[str, int]:
    """Yosys: the netlist of cells, as JSON for placement and as Verilog to be simulated."""
    top = f"{core.name}_board" if board else f"{core.name}_top"
    sources = [f"{core.name}_top.v", *([f"{top}.v"] if board else [])]
    script = ["read_verilog -defer rtl/*.v", f"read_verilog -defer {' '.join(sources)}"]
    to = _beside(core, work)
    if board:
        script.append(f"chparam -set CLOCKS {core.bit_clocks} -set LED_ON {board.led_on} {top}")
    script += [
        f"hierarchy -check -top {top}",
        f"{device.synth} -top {top}",
        "setattr -mod -unset keep_hierarchy *",
        "flatten; delete t:$scopeinfo",  # which newer versions leave where an instance was, and check takes for a cell
        f"opt_clean; check -assert; hierarchy -check -top {top}",
        "check -assert -mapped" if device.family == "ice40" else "check -assert",
        f"tee -q -o {to}/cells.json stat -json",
        f"write_json {to}/netlist.json",
        f"write_verilog -noattr {to}/netlist.v",
    ]
    yosys.must(["-q", "-p", "; ".join(script)], core.source)
    text = (work / "cells.json").read_text()
    (work / "cells.json").unlink()
    cells = json.loads(text[text.index("{") :])["design"]["num_cells_by_type"]
    return report.counts(cells, device)


def _placed(
    core: _Core, board: Board, programs: list[Program], work: Path, made: dict[str, Any], clock: float
) -> str | None:
    """Nextpnr and the packer; completes the report. Returns why the design is not usable, or None."""
    _, place, pack = programs
    device, ice40 = board.device, board.device.family == "ice40"
    pins = work / f"{core.name}.{'pcf' if ice40 else 'lpf'}"
    pins.write_text(board.constraints())
    bare, timing, to = work / "placed.txt", work / "timing.json", _beside(core, work)
    arguments = [*device.place, "--json", f"{to}/netlist.json", "--pcf" if ice40 else "--lpf", f"{to}/{pins.name}"]
    arguments += ["--asc" if ice40 else "--textcfg", f"{to}/{bare.name}", "--report", f"{to}/{timing.name}"]
    arguments.append("--timing-allow-fail")
    ran = place.run([*arguments, "--freq", f"{max(device.reach, clock):g}", "--seed", str(SEED)], core.source)
    made["tools"][place.name] = place.version("--version")
    made["utilisation"] = report.utilisation(ran.text, device)
    (work / "netlist.json").unlink()
    missing = report.too_much(made["utilisation"])
    if missing:
        return f"{core.name} does not fit {made['board']} ({device.name}): it needs {', '.join(missing)}"
    if ran.code:
        raise ToolError(f"{place.name} fails: {ran.reason()}")
    made |= report.timing(json.loads(timing.read_text()))
    timing.unlink()
    interval = int(made["expected"]["interval"])
    made |= {"clock_mhz": clock, "at_fmax": report.rates(made["fmax_mhz"], interval, core.length)}
    made["at_clock"] = report.rates(clock, interval, core.length)
    made["serial_line"] = {"baud": round(board.clock * 1e6 / core.bit_clocks), "clocks_a_bit": core.bit_clocks}
    bits = f"{to}/{core.name}.{'bin' if ice40 else 'bit'}"
    pack.must([*([] if ice40 else ["--compress"]), f"{to}/{bare.name}", bits], core.source)
    bare.unlink()
    if made["fmax_mhz"] < clock:
        return f"{core.name} reaches {made['fmax_mhz']:g} MHz on {made['board']}, not the {clock:g} MHz asked for"
    return None
