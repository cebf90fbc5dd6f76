"""EmittedVerilog: builds the emitted core with its test bench for a simulator, and replays sequences through it."""

from __future__ import annotations

import math
import re
import shutil
import subprocess
import tempfile
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from qssmc.errors import MalformedInputError, ToolError, UsageError, VerificationError
from qssmc.ir.json_text import parse_json
from qssmc_sim.verilog_trace import Streams, firings, read_streams

SIMULATORS = ("icarus", "verilator")
_PACKAGES = {"iverilog": "iverilog", "vvp": "iverilog", "verilator": "verilator g++ make"}
_PASS = re.compile(r"PASS elements (\d+) results (\d+) clocks (\d+) first_in (\d+) last_out (\d+) ")
_TAKEN = re.compile(r"TAKEN((?: \d+)*)")
_SATURATIONS = re.compile(r"saturations (\d+)")


@dataclass(frozen=True)
class Replay:
    """What a run counted: clocks in all, from sample to sample at last, and from the first element to the last result.

    saturations: clocks in which values were clamped, for each place that clamps.
    """

    clocks: int
    interval: int
    span: int
    saturations: int


class EmittedVerilog:
    """The core in a folder (design.json among its files), built in a folder of its own; a context manager.

    sources take the place of the core's Verilog: a netlist of it, and the models of its cells. With trace, under Icarus
    alone, every value of every op that the core holds can be looked at.
    Raises ToolError if a program is missing or cannot build the core.
    """

    def __init__(
        self,
        folder: Path,
        *,
        simulator: str = SIMULATORS[0],
        extra: Sequence[str] = (),
        sources: Sequence[Path] = (),
        trace: bool = False,
    ) -> None:
        if trace and simulator != "icarus":
            raise UsageError(f"a core is traced under Icarus, not under {simulator}")
        self.trace = trace
        self.folder = folder.absolute()
        try:
            self.design: dict[str, Any] = parse_json((folder / "design.json").read_bytes())
            self.top = str(self.design["top"])
        except (OSError, ValueError, KeyError, TypeError) as error:
            raise MalformedInputError(f"{folder}/design.json cannot be used ({error}); compile again") from error
        self.simulator = simulator
        self.sources = [str(path.absolute()) for path in sources] or ["-y", "rtl", f"{self.top}.v"]
        self._work = Path(tempfile.mkdtemp(prefix="qssmc-verilog-"))
        try:
            self.version = self._build(list(extra))
        except BaseException:
            self.close()
            raise

    def __enter__(self) -> EmittedVerilog:
        return self

    def __exit__(self, *exception: object) -> None:
        self.close()

    def close(self) -> None:
        """Remove what was built."""
        shutil.rmtree(self._work, ignore_errors=True)

    def _build(self, extra: list[str]) -> str:
        bench = self.top.removesuffix("_top") + "_tb"
        if self.simulator == "icarus":
            self.program = ["vvp", "-n", str(self._work / "core.vvp")]
            run_tool(
                [
                    "iverilog",
                    "-g2005",
                    "-s",
                    bench,
                    "-o",
                    self.program[2],
                    *(["-DTRACE"] if self.trace else []),
                    *extra,
                    *self.sources,
                    f"sim/{bench}.v",
                ],
                self.folder,
            )
            return run_tool(["iverilog", "-V"], self.folder).splitlines()[0].split(" (")[0]
        self.program = [str(self._work / "core")]
        flags = ["--cc", "--exe", "--build", "-O3", "-CFLAGS", "-O2", "--top-module", self.top]
        main = str(self.folder / "sim" / "main.cpp")
        run_tool(
            ["verilator", *flags, "-Mdir", str(self._work), "-o", "core", *extra, *self.sources, main], self.folder
        )
        return " ".join(run_tool(["verilator", "--version"], self.folder).split()[:2])

    def replay(
        self,
        samples: NDArray[Any],
        expected: Mapping[str, NDArray[Any]],
        *,
        idle: int = 0,
        stall: int = 0,
        seed: int = 1,
        patience: int = 1_000_000,
        look: Callable[[Streams, Streams], object] | None = None,
    ) -> Replay:
        """Whole sequences, one after another. samples: (count, length, d_input); expected as the golden model gives it.

        idle and stall: of 256 clocks, those without a sample and without room for results. look is called with the
        values of ops in steps and at the ends of sequences before outputs are judged; it needs a build with trace.
        Raises VerificationError at the first results that differ, and where the core stops.
        """
        if look is not None and not self.trace:
            raise UsageError("EmittedVerilog shows values of ops in a trace build only: create it with trace=True")
        width = int(self.design["sample"]["width"])
        options = [f"+idle={idle}", f"+stall={stall}", f"+seed={seed}", f"+patience={patience}"]
        options.append(f"+samples={self._stream('samples', samples, width)}")
        for output in self.design["outputs"]:
            values = expected[output["name"]]
            if output["complex"]:
                values = np.moveaxis(values, -1, -2).reshape(*values.shape[:-2], -1)
            if output["argmax"]:
                values = values.argmax(axis=-1)[..., None]
            path = self._stream(f"out_{output['name']}", values, int(output["width"]))
            options.append(f"+{output['name']}={path}")
        if self.trace:
            options.append(f"+trace={self._work / 'trace.txt'}")
        text = run_tool([*self.program, *options], self.folder, fails=True)
        if look is not None:
            values = self.design["values"]
            streams = read_streams(self._work / "trace.txt", values, f"{self.folder} under {self.version}")
            look(firings(streams, values, "step"), firings(streams, values, "last"))
        passed, taken = _PASS.search(text), _TAKEN.search(text)
        if passed is None or taken is None or "FAIL" in text:
            lines = [line for line in text.splitlines() if line.startswith("FAIL")]
            raise VerificationError(
                f"the emitted Verilog in {self.folder} under {self.version} does not give the recorded outputs: "
                + (lines[0].removeprefix("FAIL ") if lines else f"it ends with {text.strip()[-200:]!r}")
            )
        clocks, first, last = (int(passed[i]) for i in (3, 4, 5))
        interval = interval_of([int(at) for at in taken[1].split()])
        counted = _SATURATIONS.search(text)
        return Replay(clocks, interval, last - first, int(counted[1]) if counted else 0)

    def _stream(self, name: str, values: NDArray[Any], width: int) -> Path:
        """A file of (last, element) lines; values: (count, [length,] elements)."""
        flat = values.reshape(len(values), -1)
        last = np.zeros(flat.shape, bool)
        last[:, -1] = True
        mask = (1 << width) - 1
        lines = [f"{int(ends)} {int(value) & mask:x}\n" for value, ends in zip(flat.ravel(), last.ravel(), strict=True)]
        path = self._work / f"{name}.txt"
        path.write_text("".join(lines))
        return path


def interval_of(taken: Sequence[int]) -> int:
    """Clocks from sample to sample, from when the last ones were taken: the mean of a cycle, if they come in one.

    A core may take one sample early and the next one late, time and again. Where no cycle shows yet, the last counts.
    """
    apart = [late - early for early, late in pairwise(taken)]
    for count in range(1, len(apart) // 2 + 1):
        if apart[-count:] == apart[-2 * count : -count]:
            return math.ceil(sum(apart[-count:]) / count)
    return apart[-1] if apart else 0


def run_tool(command: Sequence[str], folder: Path, *, fails: bool = False) -> str:
    """Run an external program in a folder; its output. Raises ToolError if it is missing, or fails and may not."""
    try:
        result = subprocess.run(
            list(command), cwd=folder, capture_output=True, text=True, check=False, errors="replace"
        )
    except FileNotFoundError as error:
        package = _PACKAGES.get(command[0], command[0])
        raise ToolError(f"{command[0]} is not on PATH; install it with: apt-get install {package}") from error
    except OSError as error:
        raise ToolError(f"{command[0]} cannot be started ({error.strerror})") from error
    if result.returncode != 0 and not fails:
        said = [line for line in (result.stderr + result.stdout).splitlines() if line.strip()]
        lines = [line for line in said if "rror" in line] or said
        raise ToolError(f"{Path(command[0]).name} fails: {lines[0] if lines else 'it gives no reason'}")
    return result.stdout
