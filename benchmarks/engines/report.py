"""Report: the table of one model beside its peers, as text and as JSON."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import Any

from rich.console import Console
from rich.table import Table

from benchmarks.engines.timing import Timing

ASKED = {"S4D-16": 40, "S4D-64": 10}
MEASURED_AGAINST = "ONNX Runtime Scan"


@dataclass(frozen=True)
class Report:
    """Timings of one model; own names the row of the emitted C (None: the peers alone)."""

    name: str
    source: str
    clock: str
    timings: list[Timing]
    own: str | None = None
    agreement: float | None = None

    def ratio(self, timing: Timing) -> float | None:
        """How many times the emitted C's median a row takes."""
        own = next((row for row in self.timings if row.name == self.own), None)
        return None if own is None else timing.median / own.median

    @property
    def factor(self) -> float | None:
        """How many times faster than ONNX Runtime's Scan the emitted C is."""
        return next((self.ratio(row) for row in self.timings if row.name == MEASURED_AGAINST), None)

    def to_json(self) -> dict[str, Any]:
        """Plain values: names, ns a step, ratios and what was asked."""
        return {
            "model": self.name,
            "source": self.source,
            "clock": self.clock,
            "agreement": self.agreement,
            "factor": self.factor,
            "asked": ASKED.get(self.name),
            "engines": [{**asdict(row), "ratio": self.ratio(row)} for row in self.timings],
        }

    def show(self, console: Console) -> None:
        """Print the table, the agreement and the factor."""
        table = Table(title=f"{self.name}: ns a step and sequence ({self.clock} time, {self.source})")
        table.add_column("engine")
        for title in ("median", "min", "max", "x emitted C"):
            table.add_column(title, justify="right", no_wrap=True)
        for row in self.timings:
            ratio = self.ratio(row)
            numbers = (_grouped(row.median), _grouped(row.minimum), _grouped(row.maximum))
            table.add_row(row.name, *numbers, "" if ratio is None else f"{ratio:.1f}", style=self._style(row))
        console.print(table)
        if self.agreement is not None:
            console.print(f"{self.name}: the emitted C decides as the float model on {self.agreement:.1%} of them")
        if self.factor is not None:
            asked = f" (asked: {ASKED[self.name]}x)" if self.name in ASKED else ""
            console.print(f"{self.name}: {self.factor:.1f} x faster than {MEASURED_AGAINST}{asked}", style="bold")
        stolen = max(row.stolen for row in self.timings)
        if stolen > 0.05 and self.clock == "wall":
            console.print(f"other programs took up to {stolen:.0%} of the core: repeat when idle, or use --clock cpu")

    def _style(self, row: Timing) -> str:
        return "bold" if row.name == self.own else ""


def _grouped(value: float) -> str:
    return f"{value:,.0f}".replace(",", " ")
