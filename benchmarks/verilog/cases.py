"""Verilog cases: which designs are scheduled at which lanes, and which cores are placed on which boards."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

LANES = (1, 2, 4, 8)


@dataclass(frozen=True)
class Case:
    """A design: its model, and what `qssmc compile` is told."""

    name: str
    title: str
    model: Path
    options: str
    vectors: int = 16

    @property
    def arguments(self) -> list[str]:
        """Of `qssmc compile`, without the folder."""
        return ["--target", "verilog", *self.options.split(), "--vectors", str(self.vectors)]

    @property
    def command(self) -> str:
        """As it is typed."""
        return f"qssmc compile {self.model} {' '.join(self.arguments)} -o DIR"


# For clocks alone, which weights do not change: few calibration sequences will do.
_FAST = "--prune-loss 0 --bits-by none --fill 0 --no-refit"
_PLAIN = f"{_FAST} --calib mnist:16"
_S4D16, _S4D64 = Path("examples/s4d16_mnist.pt"), Path("examples/s4d64_mnist.pt")
PRUNED = Case(
    "s4d16_pruned", "S4D-16, 6 of 32 states", _S4D16,
    "--bits W4A6 --states 6 --state-bits 9 --a-bits 9 --fill 1 --input-bits 6 --bits-by mixed --calib mnist:256",
    200,
)  # fmt: skip
WHOLE = Case("s4d64_whole", "S4D-64, all states", _S4D64, "--prune-loss 0 --calib mnist:256", 200)
CASES = (
    PRUNED,
    Case("s4d16", "S4D-16, all states", _S4D16, _PLAIN),
    Case("s4d64", "S4D-64, all states", _S4D64, _PLAIN),
    Case("fsdd", "spoken digits, two layers, all states", Path("examples/s4d_fsdd.pt"), f"{_FAST} --calib fsdd:8", 2),
)


@dataclass(frozen=True)
class Placed:
    """A core on a board. multipliers: `--multipliers`, where the device has few; aims: least MHz, steps a second."""

    case: Case
    board: str
    lanes: int
    multipliers: int | None = None
    least_mhz: float | None = None
    least_steps: int | None = None

    @property
    def command(self) -> str:
        """As it is typed, after the design's own."""
        few = "" if self.multipliers is None else f" --multipliers {self.multipliers}"
        return f"{self.case.command} --lanes {self.lanes}{few} && qssmc synth DIR --board {self.board}"


BOARDS = (
    Placed(PRUNED, "icebreaker", 1, multipliers=8, least_steps=120_000),
    Placed(PRUNED, "hx8k", 1),
    Placed(PRUNED, "ulx3s", 1, least_mhz=120),
    Placed(PRUNED, "ulx3s", 4, least_mhz=90),
)


@dataclass(frozen=True)
class Replayed:
    """Whole sequences through a core in a simulator, each output compared, and under Icarus each op."""

    case: Case
    lanes: int
    simulator: str
    sequences: int

    @property
    def command(self) -> str:
        """As it is typed."""
        how = f"--simulator {self.simulator} --sequences {self.sequences}"
        return f"{self.case.command} --lanes {self.lanes} && qssmc verify DIR {how}"


# S4D-64 takes Icarus two to four minutes of CPU a sequence, so that it comes last.
REPLAYS = tuple(
    Replayed(case, 4, simulator, sequences)
    for case, simulator, sequences in (
        (PRUNED, "verilator", 200), (PRUNED, "icarus", 20),
        (WHOLE, "verilator", 200), (WHOLE, "icarus", 20),
    )
)  # fmt: skip
