"""Workload: one model under measurement, its engines and the sequences that it is measured on."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch

from benchmarks.engines.engine import Array, Engine, check
from benchmarks.engines.engine_numba import numba_sequence
from benchmarks.engines.engine_numpy import numpy_step
from benchmarks.engines.engine_onnx import onnx_recurrence, onnx_scan, onnx_step
from benchmarks.engines.engine_torch import convolution, eager_step
from benchmarks.engines.parameters import parameters
from qssmc.data import load_split
from qssmc.data.catalog import is_present
from qssmc.models import Checkpoint, SequenceModel, load_checkpoint

CHECKED, BATCH = 4, 64
EXAMPLES = Path(__file__).resolve().parents[2] / "examples"
SHIPPED = {"S4D-16": EXAMPLES / "s4d16_mnist.pt", "S4D-64": EXAMPLES / "s4d64_mnist.pt"}


@dataclass(frozen=True)
class Workload:
    """A model with the same sequences as integers and as reals, and the torch module's logits for them."""

    name: str
    path: Path
    model: SequenceModel
    source: str
    samples: Array
    real: Array
    expected: Array

    def inputs(self, engine: Engine) -> Array:
        """The sequences in the form that an engine takes."""
        return self.samples if engine.integer else self.real

    def peers(self) -> list[Engine]:
        """Every float engine, each checked against the torch module; raises VerificationError if one is wrong."""
        p = parameters(self.model)
        engines = [
            *(onnx_step(p), onnx_scan(p), onnx_recurrence(p), eager_step(self.model)),
            *(numpy_step(p), numba_sequence(p), convolution(self.model, BATCH)),
        ]
        for engine in engines:
            check(engine, self.real[:CHECKED], self.expected[:CHECKED])
        return engines

    def agreement(self, engine: Engine) -> float:
        """The share of sequences for which a quantised engine decides as the float model does."""
        return float((engine.run(self.inputs(engine)).argmax(-1) == self.expected.argmax(-1)).mean())


def load_workload(name: str, data: str | None, count: int = 128) -> Workload:
    """Load a shipped model by its name, or any checkpoint by its path, with `count` sequences.

    The sequences are MNIST test images where they are present and fit, else random samples of the model's input format.
    """
    path = SHIPPED.get(name, Path(name))
    checkpoint = load_checkpoint(path)
    model = checkpoint.build()
    source, samples = _sequences(checkpoint, data, count)
    real = np.ascontiguousarray(checkpoint.input_format.to_real(samples))
    with torch.inference_mode():
        expected = model(torch.from_numpy(real)).numpy()
    return Workload(name if name in SHIPPED else path.stem, path, model, source, samples, real, expected)


def _sequences(checkpoint: Checkpoint, data: str | None, count: int) -> tuple[str, Array]:
    shape = (checkpoint.sequence_length, checkpoint.config.d_input)
    if shape == (784, 1) and is_present("mnist", data):
        mnist = load_split("mnist", "test", data)
        if mnist.format == checkpoint.input_format:
            return f"{count} MNIST test images", np.ascontiguousarray(mnist.samples[:count])
    low, high = checkpoint.input_format.bounds
    random = np.random.default_rng(0).integers(low, high + 1, (count, *shape))
    return f"{count} random sequences", random
