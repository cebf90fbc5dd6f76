"""`qssmc demo`: the main job from start to finish, on a shipped model and on one trained on the spot."""

from __future__ import annotations

from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import click
from rich.table import Table

from qssmc.cli.compile import summary_table
from qssmc.cli.config import configurable
from qssmc.cli.output import check_writable
from qssmc.cli.terminal import Terminal, common_options
from qssmc.cli.train import train
from qssmc.data import load_split
from qssmc.data.catalog import is_present
from qssmc.driver.api import compile as compile_model
from qssmc.driver.design import CompiledDesign
from qssmc.driver.verify import Verified, verify_folder
from qssmc.errors import UsageError
from qssmc.evaluation.accuracy import evaluate
from qssmc.models import load_checkpoint
from qssmc_sim.emitted_c import EmittedC

_SHIPPED = "s4d16_mnist.pt"
_TIMED = 64  # sequences in the timing run


@dataclass(frozen=True)
class _Outcome:
    """One model, compiled and verified."""

    design: CompiledDesign
    verified: Verified
    steps_per_second: float
    float_accuracy: float | None
    c_accuracy: float | None


@click.command("demo")
@configurable
@click.option(
    "--examples",
    type=click.Path(path_type=Path),
    default=Path("examples"),
    show_default=True,
    help="Folder of the shipped models.",
)
@click.option(
    "-o",
    "--output-dir",
    type=click.Path(path_type=Path),
    default=Path("out/demo"),
    show_default=True,
    help="Folder for the designs and the trained model.",
)
@click.option("--data", type=click.Path(path_type=Path), help="Folder of the data sets.")
@common_options
@click.pass_context
def demo(ctx: click.Context, /, examples: Path, output_dir: Path, data: Path | None) -> None:
    """Compile and verify the shipped S4D-16, then train, compile and verify a small model on handwritten digits."""
    terminal = ctx.find_object(Terminal)
    assert terminal is not None
    shipped = examples / _SHIPPED
    if not shipped.is_file():
        raise UsageError(f"{shipped} is missing; run the demo in a clone of the repository or give --examples DIR")
    check_writable(output_dir)
    output_dir.mkdir(parents=True, exist_ok=True)
    terminal.note(f"== {shipped}: trained on sequential MNIST ==")
    mnist = "mnist" if is_present("mnist", data) else None
    first = _take(terminal, shipped, output_dir / "s4d16", mnist, data)
    terminal.note("== digits: trained, compiled and verified from scratch ==")
    digits = output_dir / "digits.pt"
    inner = click.Context(train, parent=ctx, obj=replace(terminal, results=False))
    inner.invoke(
        train,
        dataset="digits",
        threads=1,
        record_calibration=None,
        data=None,
        work=output_dir / "digits-run",
        out=digits,
        force=True,
    )
    second = _take(terminal, digits, output_dir / "digits", "digits", data)
    outcomes = {"S4D-16, MNIST": first, "S4D, digits": second}
    terminal.result({name: _record(outcome) for name, outcome in outcomes.items()}, _table(outcomes))
    if mnist is None:
        terminal.note("MNIST is not here, so its accuracy was not measured; qssmc fetch mnist downloads it")


def _take(terminal: Terminal, model: Path, folder: Path, data_set: str | None, data: Path | None) -> _Outcome:
    """Compile, verify, time and judge one model."""
    checkpoint = load_checkpoint(model)
    design = compile_model(model, output_dir=folder, force=True, data=data, say=terminal.note)
    if not terminal.json:
        terminal.result({}, summary_table(design, str(folder)))  # in JSON it is a part of the one result
    verified = verify_folder(folder)
    terminal.note(f"verified: {verified.values:,} values of {verified.ops} ops are the same in golden and in the C")
    speed = _steps_per_second(folder, checkpoint.calibration)
    accuracies: list[float | None] = [None, None]
    if data_set is not None:
        test = load_split(data_set, "test", data)
        accuracies = [evaluate(model, "torch", test).accuracy, evaluate(folder, "c", test).accuracy]
    return _Outcome(design, verified, speed, accuracies[0], accuracies[1])


def _steps_per_second(folder: Path, samples: Any) -> float:
    """Steps of the emitted C, whole sequences one after another on one core."""
    import time

    with EmittedC(folder / "c") as emitted:
        emitted.run(samples[:_TIMED])
        started = time.perf_counter()
        emitted.run(samples[:_TIMED])
        return float(samples[:_TIMED].shape[0] * samples.shape[1] / (time.perf_counter() - started))


def _record(outcome: _Outcome) -> dict[str, Any]:
    return {
        **outcome.design.summary,
        "values_verified": outcome.verified.values,
        "steps_per_second": round(outcome.steps_per_second),
        "float_accuracy": outcome.float_accuracy,
        "c_accuracy": outcome.c_accuracy,
    }


def _table(outcomes: dict[str, _Outcome]) -> Table:
    table = Table(title="qssmc demo")
    table.add_column("")
    rows: dict[str, list[str]] = {}
    for name, outcome in outcomes.items():
        table.add_column(name, justify="right")
        facts = outcome.design.summary
        cells = {
            "weights / activations / state / poles, bits": " / ".join(f"{bits:g}" for bits in facts["bits"].values()),
            "parameters, bytes": f"{facts['parameter_bytes']:,}",
            "state, bytes": f"{facts['state_bytes']:,}",
            "smaller than float32": f"{facts['times_smaller']} x",
            "values compared with golden": f"{outcome.verified.values:,}",
            "steps a second": f"{outcome.steps_per_second:,.0f}",
            "accuracy, float": _percent(outcome.float_accuracy),
            "accuracy, emitted C": _percent(outcome.c_accuracy),
        }
        for label, cell in cells.items():
            rows.setdefault(label, []).append(cell)
    for label, values in rows.items():
        table.add_row(label, *values)
    return table


def _percent(value: float | None) -> str:
    return "not measured" if value is None else f"{value:.2f} %"
