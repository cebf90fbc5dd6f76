"""Schemes: accuracy and memory of the shipped models under each scheme, through the emitted C, as tables in docs/.

Run by `make results`. Needs MNIST (see `qssmc fetch mnist`).
"""

from __future__ import annotations

import argparse
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from rich.console import Console
from rich.progress import track

from qssmc.artifact.folder import write_folder
from qssmc.data import Sequences, load_split
from qssmc.driver.compile import compile_checkpoint, file_sha256
from qssmc.driver.compile_options import CompileOptions
from qssmc.evaluation.accuracy import evaluate
from qssmc.models import load_checkpoint
from qssmc.passes.quantise import QuantiseOptions, parse_bits

MODELS = {"S4D-16": "s4d16_mnist.pt", "S4D-64": "s4d64_mnist.pt"}
# Published after ten epochs of quantisation-aware training, and after none (Zhao et al., arXiv 2506.12480, Table III).
PUBLISHED = {
    ("S4D-16", "W4A6", 8, 8): "PTQ 29.36, QAT 88.39",
    ("S4D-16", "W4A6", 16, 16): "QAT 96.59",
    ("S4D-64", "W4A6", 8, 8): "PTQ 39.46, QAT 95.99",
    ("S4D-64", "W4A6", 16, 16): "QAT 98.62",
}
_RECORDED = "digits28, recorded with the model"


@dataclass(frozen=True)
class Case:
    """One design: scheme, bits and what it is calibrated on (None: what the model brings)."""

    scheme: str
    bits: str
    a_bits: int
    state_bits: int
    calib: str | None


CASES = (
    Case("qssm", "W8A8", 16, 16, None),
    Case("qssm", "W8A8", 16, 16, "mnist:112"),
    Case("qssm", "W8A8", 8, 12, "mnist:112"),
    Case("qssm", "W8A8", 8, 8, "mnist:112"),
    Case("qssm", "W4A6", 16, 16, "mnist:112"),
    Case("qssm", "W4A6", 8, 8, "mnist:112"),
    Case("zhao", "W8A8", 16, 16, "mnist:112"),
    Case("zhao", "W8A6", 16, 16, "mnist:112"),
    Case("zhao", "W4A8", 16, 16, "mnist:112"),
    Case("zhao", "W4A6", 16, 16, "mnist:112"),
    Case("zhao", "W4A6", 8, 8, "mnist:112"),
)


def main() -> None:
    """Measure every case of every model and write the table."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.schemes", description=__doc__)
    parser.add_argument("--examples", type=Path, default=Path("examples"))
    parser.add_argument("--data", type=Path)
    parser.add_argument("--models", default=",".join(MODELS), help="comma-separated")
    parser.add_argument("-o", "--out", type=Path, default=Path("docs/results"))
    arguments = parser.parse_args()
    test = load_split("mnist", "test", arguments.data)
    console = Console(stderr=True)
    for name in arguments.models.split(","):
        path = arguments.examples / MODELS[name]
        accuracy = evaluate(path, "torch", test).accuracy
        rows = [
            _row(name, case, path, test, arguments.data) for case in track(CASES, name, console=console, transient=True)
        ]
        arguments.out.mkdir(parents=True, exist_ok=True)
        target = arguments.out / f"{path.stem}.md"
        target.write_text("\n".join(_page(name, accuracy, len(test), rows)) + "\n")
        console.print(f"written: {target}")


def _row(name: str, case: Case, path: Path, test: Sequences, data: Path | None) -> str:
    checkpoint = load_checkpoint(path)
    weight_bits, activation_bits = parse_bits(case.bits)
    quantise = QuantiseOptions(
        scheme="zhao" if case.scheme == "zhao" else "qssm",
        weight_bits=weight_bits,
        activation_bits=activation_bits,
        state_bits=case.state_bits,
        a_bits=case.a_bits,
        max_steps=4 * checkpoint.sequence_length,
    )
    options = CompileOptions("design", quantise, calib=case.calib, vectors=1)
    design = compile_checkpoint(checkpoint, file_sha256(path), options, data=data, say=lambda _: None)
    with tempfile.TemporaryDirectory() as folder:
        write_folder(design.files, Path(folder) / "design", force=False)
        accuracy = evaluate(Path(folder) / "design", "c", test).accuracy
    facts = design.summary
    published = PUBLISHED.get((name, case.bits, case.a_bits, case.state_bits), "")
    return (
        f"| {case.scheme} | {case.bits} | {case.a_bits} / {case.state_bits} | {case.calib or _RECORDED} "
        f"| {accuracy:.2f} | {facts['parameter_bytes'] + facts['state_bytes']:,} | {facts['times_smaller']} "
        f"| {facts['alignment']['shifts_per_step']:,} / {facts['alignment']['multiplications_per_step']:,} "
        f"| {published} |"
    )


def _page(name: str, accuracy: float, count: int, rows: list[str]) -> Iterator[str]:
    yield f"# {name}: post-training quantisation, measured"
    yield ""
    yield f"Emitted C on all {count:,} MNIST test images, one pixel a step; the float model gets {accuracy:.2f} %."
    yield f"Made by `.venv/bin/python -m benchmarks.schemes --models {name}` (`make results` does all models)."
    yield "No design is trained or refitted after quantisation; `qssm` balances states, `zhao` is the published scheme."
    yield "The last column is published for the same bits (Zhao et al., arXiv 2506.12480, Table III)."
    yield ""
    yield (
        "| scheme | bits | poles / state | calibrated on | accuracy % | bytes | × smaller than float32 "
        "| alignment a step: shifts / multiplications | published % |"
    )
    yield "|---|---|---|---|---|---|---|---|---|"
    yield from rows


if __name__ == "__main__":
    main()
