"""The training loop: AdamW with a one-cycle schedule, seeded, logged, resumable after every epoch."""

from __future__ import annotations

import hashlib
import json
import math
import pickle
import time
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn
from torch import nn

from qssmc.data.sequences import InputFormat, Sequences
from qssmc.errors import MalformedInputError, UsageError
from qssmc.models.checkpoint import Checkpoint
from qssmc.models.config import ModelConfig
from qssmc.models.network import SequenceModel
from qssmc.training import augment

# What torch.load and a state dict of another shape raise.
_UNREADABLE = (RuntimeError, LookupError, OSError, EOFError, TypeError, ValueError, AttributeError, pickle.PickleError)
_SSM_PARAMETERS = ("log_dt", "log_a_real", "a_imag", ".b", ".c")


@dataclass(frozen=True)
class TrainOptions:
    """How to train. lr is the peak of the one-cycle schedule; SSM parameters get a quarter of it."""

    epochs: int = 20
    batch_size: int = 64
    lr: float = 1e-2
    weight_decay: float = 1e-2
    seed: int = 0
    shift: int = 0
    stretch: float = 0.0
    gain: float = 0.0

    def __post_init__(self) -> None:
        rates = 0 < self.lr < math.inf and 0 <= self.weight_decay < math.inf
        if self.epochs < 1 or self.batch_size < 1 or self.shift < 0 or not rates:
            raise UsageError("epochs and batch size must be at least 1, lr above 0, weight decay and shift at least 0")
        if not (0 <= self.stretch <= 50 and 0 <= self.gain <= 100):
            raise UsageError("stretch must be 0 to 50 percent and gain 0 to 100 decibels")


@dataclass
class _Run:
    """Everything that an epoch changes, so that saving it is enough to go on."""

    model: SequenceModel
    optimizer: torch.optim.Optimizer
    schedule: torch.optim.lr_scheduler.LRScheduler
    epoch: int = 0


def train(
    config: ModelConfig,
    options: TrainOptions,
    train_set: Sequences,
    test_set: Sequences,
    *,
    work: Path,
    quiet: bool = False,
) -> Checkpoint:
    """Train a model; work/ keeps progress.pt and train.jsonl (one line an epoch), and an existing run there goes on.

    The same config, options, data and thread count give the same model, interrupted or not. Raises UsageError if the
    work folder holds another run or if the loss stops being finite.
    """
    work.mkdir(parents=True, exist_ok=True)
    identity = {"config": config.to_dict(), "options": asdict(options), "data": _fingerprint(train_set)}
    torch.manual_seed(options.seed)
    run = _start(config, options, len(train_set))
    _resume(run, identity, work / "progress.pt")
    _cut_log(work / "train.jsonl", run.epoch)
    console = Console(stderr=True, quiet=quiet)
    while run.epoch < options.epochs:
        record = _epoch(run, options, train_set, test_set, console)
        line = json.dumps(record)
        if run.epoch % max(1, options.epochs // 30) == 0 or run.epoch == options.epochs:
            console.print(line, highlight=False, soft_wrap=True)
        with (work / "train.jsonl").open("a") as log:
            log.write(line + "\n")
        _save(run, identity, work / "progress.pt")
    state = {name: tensor.detach().clone() for name, tensor in run.model.state_dict().items()}
    provenance = {"options": asdict(options), "test_accuracy": accuracy(run.model, test_set)}
    return Checkpoint(config, state, train_set.format, train_set.samples.shape[1], provenance=provenance)


def accuracy(model: SequenceModel, data: Sequences, batch_size: int = 250) -> float:
    """Fraction of sequences classified right, in evaluation mode; per-step models are judged at the last step."""
    model.eval()
    right = 0
    with torch.no_grad():
        for start in range(0, len(data), batch_size):
            answer = model(_to_tensor(data.samples[start : start + batch_size], data))
            if answer.ndim == 3:
                answer = answer[:, -1]
            right += int((answer.argmax(-1).numpy() == data.labels[start : start + batch_size]).sum())
    return right / len(data)


def _start(config: ModelConfig, options: TrainOptions, count: int) -> _Run:
    model = SequenceModel(config)
    ssm: list[nn.Parameter] = []
    rest: list[nn.Parameter] = []
    for name, parameter in model.named_parameters():
        (ssm if ".ssm." in name and name.endswith(_SSM_PARAMETERS) else rest).append(parameter)
    groups: list[dict[str, Any]] = [
        {"params": rest, "lr": options.lr, "weight_decay": options.weight_decay},
        {"params": ssm, "lr": options.lr / 4, "weight_decay": 0.0},
    ]
    optimizer = torch.optim.AdamW(groups)
    steps = options.epochs * math.ceil(count / options.batch_size)
    peaks = [options.lr, options.lr / 4]
    return _Run(model, optimizer, torch.optim.lr_scheduler.OneCycleLR(optimizer, peaks, total_steps=steps + 1))


def _epoch(run: _Run, options: TrainOptions, data: Sequences, test: Sequences, console: Console) -> dict[str, Any]:
    """One pass over the training data; returns the log record."""
    started = time.monotonic()
    torch.manual_seed(options.seed + 1000 * (run.epoch + 1))
    run.model.train()
    batches = math.ceil(len(data) / options.batch_size)
    losses = []
    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeRemainingColumn())
    with Progress(*columns, console=console, transient=True, disable=not console.is_terminal) as progress:
        task = progress.add_task(f"epoch {run.epoch + 1}/{options.epochs}", total=batches)
        for samples, labels in _batches(data, options, run.epoch):
            loss = nn.functional.cross_entropy(_last(run.model(_to_tensor(samples, data))), torch.from_numpy(labels))
            run.optimizer.zero_grad()
            loss.backward()  # type: ignore[no-untyped-call]
            nn.utils.clip_grad_norm_(run.model.parameters(), 1.0)
            run.optimizer.step()
            run.schedule.step()
            losses.append(float(loss.detach()))
            if not math.isfinite(losses[-1]):
                raise UsageError(f"training diverged in epoch {run.epoch + 1}: the loss is not finite; lower --lr")
            progress.advance(task)
    run.epoch += 1
    return {
        "epoch": run.epoch,
        "loss": round(sum(losses) / len(losses), 5),
        "test_accuracy": round(accuracy(run.model, test), 5),
        "seconds": round(time.monotonic() - started, 1),
    }


def _batches(data: Sequences, options: TrainOptions, epoch: int) -> Iterator[tuple[NDArray[Any], NDArray[np.int64]]]:
    random = np.random.default_rng([options.seed, epoch])
    order = random.permutation(len(data))
    for start in range(0, len(data), options.batch_size):
        index = order[start : start + options.batch_size]
        yield _distorted(data.samples[index], data.format, options, random), data.labels[index]


def _distorted(
    samples: NDArray[Any], form: InputFormat, options: TrainOptions, random: np.random.Generator
) -> NDArray[Any]:
    """A batch after every distortion that the options ask for; those at 0 draw nothing."""
    stretched = augment.stretch(samples, options.stretch, form, random)
    return augment.scale(augment.shift(stretched, options.shift, random), options.gain, form, random)


def _last(answer: torch.Tensor) -> torch.Tensor:
    return answer[:, -1] if answer.ndim == 3 else answer


def _to_tensor(samples: NDArray[Any], data: Sequences) -> torch.Tensor:
    return torch.from_numpy(data.format.to_real(samples))


def _fingerprint(data: Sequences) -> str:
    """A digest of the training data, so that a run is not continued on other data."""
    digest = hashlib.sha256(repr((data.samples.shape, data.samples.dtype.str, data.format)).encode())
    digest.update(np.ascontiguousarray(data.samples).data)
    digest.update(np.ascontiguousarray(data.labels).data)
    return digest.hexdigest()


def _save(run: _Run, identity: dict[str, Any], path: Path) -> None:
    partial = path.with_name(path.name + ".partial")
    payload = {
        **identity,
        "epoch": run.epoch,
        "model": run.model.state_dict(),
        "optimizer": run.optimizer.state_dict(),
        "schedule": run.schedule.state_dict(),
    }
    torch.save(payload, partial)
    partial.replace(path)


def _resume(run: _Run, identity: dict[str, Any], path: Path) -> None:
    if not path.is_file():
        return
    try:
        saved = torch.load(path, weights_only=True)
        # Fields that a run's file does not name yet stand at their defaults.
        found = {
            "config": ModelConfig.from_dict(saved["config"]).to_dict(),
            "options": asdict(TrainOptions(**saved["options"])),
            "data": saved.get("data", identity["data"]),
        }
        if found != identity:
            raise UsageError(f"{path} holds a run with {_difference(found, identity)}; give another --work folder")
        run.model.load_state_dict(saved["model"])
        run.optimizer.load_state_dict(saved["optimizer"])
        run.schedule.load_state_dict(saved["schedule"])
        run.epoch = saved["epoch"]
    except _UNREADABLE as error:
        raise MalformedInputError(f"{path} cannot be resumed; remove it to start anew") from error


def _difference(found: dict[str, Any], wanted: dict[str, Any]) -> str:
    """What a saved run has that differs from the one asked for: "epochs 3, not 4"."""
    for part in ("config", "options"):
        for name, value in wanted[part].items():
            if found[part][name] != value:
                return f"{name} {found[part][name]}, not {value}"
    return "other training data"


def _cut_log(path: Path, epochs: int) -> None:
    """Keep the log's first lines: an interruption can fall between the line of an epoch and its saved state."""
    if path.is_file():
        lines = path.read_text().splitlines(keepends=True)
        if len(lines) > epochs:
            path.write_text("".join(lines[:epochs]))
