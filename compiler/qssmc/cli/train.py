"""`qssmc train`: trains a float model on a data set, resumably, and writes its checkpoint and log."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable
from dataclasses import Field, asdict, fields, replace
from pathlib import Path
from typing import Any, Literal, TypeVar, get_args, get_origin, get_type_hints

import click
import numpy as np
import torch
from numpy.typing import NDArray

from qssmc import training
from qssmc.cli.config import configurable
from qssmc.cli.output import check_new_file, check_writable
from qssmc.cli.terminal import Terminal, common_options
from qssmc.data import DATASETS, Sequences, load_split
from qssmc.errors import UsageError
from qssmc.models import Checkpoint, ModelConfig, save_checkpoint
from qssmc.training import RECIPES, TrainOptions

F = TypeVar("F", bound=Callable[..., Any])
_FROM_DATA = ("d_input", "d_output", "answer")  # labels are classes
_NEVER_STORED = ("mnist",)
_HELP = {
    "d_model": "Channels, which are the heads of each layer.",
    "d_state": "Complex states a head.",
    "n_layers": "Blocks, one after another.",
    "discretization": "How continuous poles become discrete ones.",
    "activation": "The nonlinearity after the state-space layer.",
    "mixing": "How channels are mixed after it.",
    "residual": "Whether each block's input is added to its output.",
    "norm": "The norm of each block.",
    "norm_position": "The norm's place: before the state-space layer or after the residual.",
    "dropout": "Dropout after the activation, while training.",
    "output": "One answer from the mean over time, or an answer at every step.",
    "dt_min": "Smallest initial time step of a head.",
    "dt_max": "Largest initial time step of a head.",
    "epochs": "Passes over the training data.",
    "batch_size": "Sequences a batch.",
    "lr": "Peak learning rate; state-space parameters get a quarter of it.",
    "weight_decay": "AdamW's weight decay; state-space parameters get none.",
    "seed": "Seed of the initial weights, the order of the data, distortions and dropout.",
    "shift": "Move each training sequence by up to this many samples, or image by up to this many pixels.",
    "stretch": "Make each training sequence longer or shorter by up to this many percent.",
    "gain": "Make each training sequence louder or quieter by up to this many decibels.",
}


def _dataclass_options(*classes: type) -> Callable[[F], F]:
    """One click option for each field of the dataclasses, so that a flag, its type and its choices exist once."""

    def decorate(command: F) -> F:
        for cls in reversed(classes):
            hints = get_type_hints(cls)
            for field in reversed(fields(cls)):
                if field.name not in _FROM_DATA:
                    command = _field_option(field, hints[field.name])(command)
        return command

    return decorate


def _field_option(field: Field[Any], hint: Any) -> Callable[[F], F]:
    flag = f"--{field.name.replace('_', '-')}"
    flags = f"{flag}/--no-{flag[2:]}" if hint is bool else flag
    kind = click.Choice(get_args(hint)) if get_origin(hint) is Literal else hint
    special = [
        f"{data_set}: {table[field.name]}"
        for data_set, recipe in RECIPES.items()
        for table in (recipe.config, recipe.options)
        if field.name in table
    ]
    default = "; ".join([str(field.default).lower() if hint is bool else str(field.default), *special])
    return click.option(flags, type=kind, default=None, help=f"{_HELP[field.name]}  [default: {default}]")


@click.command
@configurable
@click.option("--dataset", type=click.Choice(DATASETS), required=True, help="What to train on.")
@_dataclass_options(ModelConfig, TrainOptions)
@click.option("--threads", type=click.IntRange(1), default=1, show_default=True, help="Threads; part of the result.")
@click.option("--record-calibration", metavar="SOURCE:COUNT", help="Sequences stored with the model, or none.")
@click.option("--data", type=click.Path(path_type=Path), help="Folder of the data sets.")
@click.option("--work", type=click.Path(path_type=Path), help="Folder of the run  [default: runs/DATASET-DIGEST]")
@click.option("-o", "--out", type=click.Path(path_type=Path), required=True, help="The model: .pt or .safetensors.")
@click.option("--force", is_flag=True, help="Overwrite an existing model.")
@common_options
@click.pass_obj
def train(
    terminal: Terminal,
    /,
    dataset: str,
    threads: int,
    record_calibration: str | None,
    data: Path | None,
    work: Path | None,
    out: Path,
    force: bool,
    **given: Any,
) -> None:
    """Train a float model; a run that was interrupted goes on when the same command is given again."""
    if out.suffix not in (".pt", ".safetensors"):
        raise UsageError(f"the model file must end in .pt or .safetensors, not {out.name}")
    check_new_file(out, force=force)
    recipe = RECIPES[dataset]
    options = TrainOptions(**{**recipe.options, **_chosen(TrainOptions, given)})
    if not 0 <= options.seed < 1 << 63:
        raise UsageError(f"--seed must be 0 to 2^63 - 1, not {options.seed}")
    if work is not None:
        check_writable(work)
    train_set, test_set = load_split(dataset, "train", data), load_split(dataset, "test", data)
    shape = {"d_input": train_set.samples.shape[2], "d_output": int(train_set.labels.max()) + 1}
    config = ModelConfig(**{**recipe.config, **shape, **_chosen(ModelConfig, given)})
    source = record_calibration or recipe.calibration
    calibration = _calibration(source, train_set, options.seed, data)
    command = _command(dataset, config, options, threads)
    work = work or Path("runs") / f"{dataset}-{hashlib.sha256(command.encode()).hexdigest()[:8]}"

    _make_deterministic(threads)
    terminal.note(f"training {dataset} with {len(train_set)} sequences in {work}")
    try:
        checkpoint = training.train(config, options, train_set, test_set, work=work, quiet=terminal.quiet)
    except KeyboardInterrupt:
        terminal.note(f"stopped; the finished epochs are in {work}, and the same command goes on from there")
        raise
    provenance = {
        "command": f"{command} --record-calibration {source}",
        "data_set": dataset,
        "epochs": options.epochs,
        "seed": options.seed,
        "threads": threads,
        "calibration": source,
        "torch": str(torch.__version__),
        **checkpoint.provenance,
    }
    save_checkpoint(replace(checkpoint, calibration=calibration, provenance=provenance), out)
    log = out.with_suffix(".train.jsonl")
    log.write_text(_log_without_times(work / "train.jsonl"))
    _report(terminal, checkpoint, out, log)


def _chosen(cls: type, given: dict[str, Any]) -> dict[str, Any]:
    names = {field.name for field in fields(cls)}
    return {name: value for name, value in given.items() if name in names and value is not None}


def _make_deterministic(threads: int) -> None:
    """The same bytes from the same command: results depend on the number of threads, so it is set."""
    torch.set_num_threads(threads)
    torch.use_deterministic_algorithms(True)


def _calibration(source: str, train_set: Sequences, seed: int, data: Path | None) -> NDArray[Any] | None:
    """Training sequences of the source that are stored with the model, or None."""
    if source == "none":
        return None
    name, _, count = source.partition(":")
    if name not in DATASETS or not count.isascii() or not count.isdecimal() or int(count) < 1:
        raise UsageError(f"--record-calibration must be none or SOURCE:COUNT such as digits28:112, not {source!r}")
    if name in _NEVER_STORED:
        raise UsageError(f"images of {name} may not be stored with a model; give --record-calibration digits28:{count}")
    found = load_split(name, "train", data)
    if (found.format, found.samples.shape[1:]) != (train_set.format, train_set.samples.shape[1:]):
        raise UsageError(f"sequences of {name} do not have the form that the model is trained on; give another source")
    if int(count) > len(found):
        raise UsageError(f"{name} has {len(found)} training sequences, not {count}")
    return np.ascontiguousarray(found.take(int(count), seed).samples)


def _command(dataset: str, config: ModelConfig, options: TrainOptions, threads: int) -> str:
    """The command line that trains these weights again, with every choice spelled out and no path."""
    words = ["qssmc train", f"--dataset {dataset}"]
    for name, value in {**asdict(config), **asdict(options)}.items():
        if name in _FROM_DATA:
            continue
        flag = name.replace("_", "-")
        words.append((f"--{flag}" if value else f"--no-{flag}") if isinstance(value, bool) else f"--{flag} {value}")
    return " ".join([*words, f"--threads {threads}"])


def _log_without_times(path: Path) -> str:
    """The run's log, one JSON line an epoch, without the one column that differs from run to run."""
    records = [json.loads(line) for line in path.read_text().splitlines()]
    return "".join(json.dumps({k: v for k, v in record.items() if k != "seconds"}) + "\n" for record in records)


def _report(terminal: Terminal, checkpoint: Checkpoint, out: Path, log: Path) -> None:
    accuracy = checkpoint.provenance["test_accuracy"]
    parameters = sum(parameter.numel() for parameter in checkpoint.build().parameters())
    record = {"model": str(out), "log": str(log), "parameters": parameters, "test_accuracy": accuracy}
    terminal.result(record, f"{out}: {parameters} parameters, {100 * accuracy:.2f} % of the test sequences right")
