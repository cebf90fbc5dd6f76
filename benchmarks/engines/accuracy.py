"""Accuracy: the emitted C over all 10 000 MNIST test images on one core, with the time it takes."""

from __future__ import annotations

import time
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np
from rich.console import Console

from benchmarks.engines.engine import Engine
from qssmc.data import load_split

ASKED_SECONDS = {"S4D-16": 20}


@dataclass(frozen=True)
class Evaluation:
    """One pass over a test set: wall and CPU seconds, and the share of right answers."""

    name: str
    images: int
    seconds: float
    cpu_seconds: float
    accuracy: float

    def to_json(self) -> dict[str, Any]:
        """Plain values, with what was asked."""
        return {**asdict(self), "asked_seconds": ASKED_SECONDS.get(self.name)}

    def show(self, console: Console) -> None:
        """Print one line."""
        asked = f" (asked: under {ASKED_SECONDS[self.name]} s)" if self.name in ASKED_SECONDS else ""
        console.print(
            f"{self.name}: {self.images} MNIST test images in {self.seconds:.2f} s on one core{asked}, "
            f"{self.cpu_seconds:.2f} s of them its own; accuracy {self.accuracy:.2%}"
        )


def evaluate(name: str, engine: Engine, data: str | None) -> Evaluation:
    """Run the whole test set through an integer engine; raises UsageError where MNIST is not present."""
    mnist = load_split("mnist", "test", data)
    samples = np.ascontiguousarray(mnist.samples)
    start, cpu_start = time.perf_counter(), time.process_time()
    logits = engine.run(samples)
    seconds, cpu_seconds = time.perf_counter() - start, time.process_time() - cpu_start
    return Evaluation(name, len(mnist), seconds, cpu_seconds, float((logits.argmax(-1) == mnist.labels).mean()))
