"""Checkpoint: a versioned file of config, tensors, input format, recorded calibration and provenance."""

from __future__ import annotations

import io
import json
import pickle
import struct
import warnings
from collections.abc import Mapping
from contextlib import nullcontext
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from qssmc.data.sequences import InputFormat
from qssmc.errors import MalformedInputError, UsageError, brief, shown
from qssmc.ir.json_text import parse_json
from qssmc.models.config import ModelConfig
from qssmc.models.network import SequenceModel

FORMAT, VERSION = "qssmc.checkpoint", 1
_STATE = "state."


class ForeignFileError(MalformedInputError):
    """A file that is no checkpoint of this package, whatever else it is."""


@dataclass(frozen=True)
class Checkpoint:
    """A trained model with what compiling it needs.

    calibration holds integer input sequences (count, length, d_input) in input_format, or None; provenance is free
    JSON: command, seed, data set, epochs, accuracy.
    """

    config: ModelConfig
    state: dict[str, Tensor]
    input_format: InputFormat
    sequence_length: int
    calibration: NDArray[Any] | None = None
    provenance: dict[str, Any] = field(default_factory=dict)

    def build(self) -> SequenceModel:
        """The torch module in evaluation mode; a missing, extra, misshapen or non-finite tensor is an error."""
        self.check("checkpoint")
        model = SequenceModel(self.config)
        model.load_state_dict(self.state)
        return model.eval()

    def check(self, where: str) -> None:
        """Raise MalformedInputError with every fault that makes this no checkpoint; `where` opens the message."""
        if faults := self.faults():
            raise MalformedInputError(f"{where}: {'; '.join(faults)}")

    def faults(self) -> list[str]:
        """Every tensor that disagrees with the config, and what is wrong with calibration and length."""
        faults = []
        if (
            isinstance(self.sequence_length, bool)
            or not isinstance(self.sequence_length, int)
            or self.sequence_length < 1
        ):
            faults.append(f"sequence_length must be an integer of at least 1, not {shown(self.sequence_length)}")
        if self.calibration is not None:
            faults += _calibration_faults(self.calibration, self.config, self.input_format)
        try:
            return faults + _tensor_faults(self.state, _wanted(self.config, len(self.state)))
        except ValueError as error:
            return [*faults, str(error)]

    def plain(self) -> Checkpoint:
        """The same with numpy's scalars, arrays and torch's tensors on any device as what a file holds.

        Raises UsageError for what no file can hold.
        """
        length: Any = self.sequence_length
        calibration: Any = self.calibration
        if isinstance(calibration, Tensor):
            calibration = calibration.detach().cpu().numpy()
        return replace(
            self,
            state={str(name): _dense(name, tensor) for name, tensor in self.state.items()},
            sequence_length=int(length) if isinstance(length, np.integer) else length,
            calibration=None if calibration is None else np.asarray(calibration),
            provenance=_json_values(self.provenance, "provenance"),
        )


def save_checkpoint(checkpoint: Checkpoint, path: Path | str) -> None:
    """Write .pt (a plain dict, torch.save) or .safetensors; the file is complete or absent.

    Raises UsageError for whatever load_checkpoint would refuse to read: a state that is not that of
    SequenceModel(checkpoint.config) above all. A module of another class is saved by qssmc.save.
    """
    path = Path(path)
    content = checkpoint_bytes(checkpoint, path.suffix)
    path.parent.mkdir(parents=True, exist_ok=True)
    partial = path.with_name(path.name + ".partial")
    try:
        partial.write_bytes(content)
        partial.replace(path)
    finally:
        partial.unlink(missing_ok=True)


def checkpoint_bytes(checkpoint: Checkpoint, suffix: str = ".pt") -> bytes:
    """The content of a checkpoint's file. Raises UsageError for what load_checkpoint would refuse."""
    checkpoint = checkpoint.plain()
    if faults := checkpoint.faults():
        raise UsageError(
            f"this is no checkpoint of SequenceModel(config): {'; '.join(faults)}; "
            "a model of your own class is saved with qssmc.save(module, FILE.qssm, calibration=...)"
        )
    return _safetensors_bytes(checkpoint) if suffix == ".safetensors" else _torch_bytes(checkpoint)


def load_checkpoint(path: Path | str) -> Checkpoint:
    """Read a checkpoint; no code in the file is ever run (weights_only=True).

    Raises MalformedInputError for anything but a checkpoint of this format and version.
    """
    path = Path(path)
    if not path.is_file():
        what = (
            "is not a file; give a .pt or .safetensors"
            if path.exists()
            else "does not exist; train one with: qssmc train"
        )
        raise ForeignFileError(f"model file {path} {what}")
    payload = _read_safetensors(path) if path.suffix == ".safetensors" else _read_torch(path)
    if not isinstance(payload, dict) or payload.get("format") != FORMAT:
        raise ForeignFileError(
            f"{path} is not a qssmc checkpoint (no format: {FORMAT!r}); save yours with qssmc.models.save_checkpoint"
        )
    if payload.get("version") != VERSION:
        found = payload.get("version")
        raise MalformedInputError(
            f"{path} has checkpoint version {shown(found)}, but this qssmc reads version {VERSION}"
        )
    try:
        checkpoint = _from_payload(payload)
    except UsageError as error:
        raise MalformedInputError(f"{path}: {error}") from error
    except (KeyError, TypeError, ValueError, AttributeError, RuntimeError, OverflowError) as error:
        reason = f"{type(error).__name__}: {brief(error)}"
        raise MalformedInputError(f"{path} is not a complete checkpoint ({reason})") from error
    checkpoint.check(str(path))
    return checkpoint


def _torch_bytes(checkpoint: Checkpoint) -> bytes:
    payload = {**_header(checkpoint), "state": _tensors(checkpoint), "calibration": _calibration_tensor(checkpoint)}
    # Saved to memory, because torch.save to a path writes the file's name into the archive.
    buffer = io.BytesIO()
    torch.save(payload, buffer)
    return buffer.getvalue()


def _safetensors_bytes(checkpoint: Checkpoint) -> bytes:
    from safetensors.torch import save

    named = {_STATE + name: tensor for name, tensor in _tensors(checkpoint).items()}
    calibration = _calibration_tensor(checkpoint)
    if calibration is not None:
        named["calibration"] = calibration
    content: bytes = save(named, metadata={"qssmc": json.dumps(_header(checkpoint), sort_keys=True)})
    return content


def _tensors(checkpoint: Checkpoint) -> dict[str, Tensor]:
    # Clones, so that tensors that share memory are stored one by one.
    return {name: tensor.detach().clone().contiguous() for name, tensor in checkpoint.state.items()}


def _calibration_tensor(checkpoint: Checkpoint) -> Tensor | None:
    return None if checkpoint.calibration is None else torch.from_numpy(checkpoint.calibration.copy())


def _header(checkpoint: Checkpoint) -> dict[str, Any]:
    return {
        "format": FORMAT,
        "version": VERSION,
        "config": checkpoint.config.to_dict(),
        "input_format": checkpoint.input_format.facts(),
        "sequence_length": checkpoint.sequence_length,
        "provenance": checkpoint.provenance,
    }


def _from_payload(payload: dict[str, Any]) -> Checkpoint:
    state = payload["state"]
    if not isinstance(state, dict) or not all(isinstance(value, Tensor) for value in state.values()):
        raise TypeError("state must be a dict of tensors")
    for name, tensor in (*state.items(), ("calibration", payload.get("calibration"))):
        _refuse_unstored(name, tensor)
    config = ModelConfig.from_dict(payload["config"])
    input_format = InputFormat(**payload["input_format"])
    calibration = payload.get("calibration")
    if calibration is not None and not isinstance(calibration, Tensor):
        raise TypeError(f"calibration must be a tensor, not {type(calibration).__name__}")
    samples = None if calibration is None else calibration.numpy()
    provenance = dict(payload.get("provenance") or {})
    return Checkpoint(config, state, input_format, payload["sequence_length"], samples, provenance)


def _refuse_unstored(name: object, tensor: Any) -> None:
    """Refuse a tensor that stands for more numbers than the file holds, before anything looks at all of them."""
    if isinstance(tensor, Tensor) and tensor.layout == torch.strided and tensor.device.type == "cpu":
        stored = tensor.untyped_storage().nbytes() // tensor.element_size()
        if tensor.numel() > stored:
            raise ValueError(f"tensor {name} announces {tensor.numel()} numbers, but {stored} are stored")


def _calibration_faults(samples: NDArray[Any], config: ModelConfig, input_format: InputFormat) -> list[str]:
    if samples.ndim != 3 or samples.shape[2] != config.d_input or not np.issubdtype(samples.dtype, np.integer):
        wanted = f"integers of shape (count, length, {config.d_input})"
        return [f"calibration must be {wanted}, not {samples.dtype} of shape {samples.shape}"]
    low, high = input_format.bounds
    if not samples.size:
        return ["calibration must hold at least one sample"]
    if samples.min() < low or samples.max() > high:
        return [f"calibration samples must lie in {low}..{high}, not {samples.min()}..{samples.max()}"]
    return []


def _dense(name: str, tensor: Any) -> Tensor:
    if not isinstance(tensor, Tensor):
        raise UsageError(f"state must be a dict of tensors, but {name} is {type(tensor).__name__}")
    return tensor.detach().cpu()


def _json_values(value: Any, where: str) -> Any:
    """A value as JSON has it, numpy's scalars and arrays and paths among what is taken."""
    if value is None or isinstance(value, (bool, int, float, str)):
        return value
    if isinstance(value, (np.generic, np.ndarray)):
        return _json_values(value.tolist(), where)
    if isinstance(value, Path):
        return str(value)
    if isinstance(value, Mapping):
        return {str(key): _json_values(item, f"{where}.{key}") for key, item in value.items()}
    if isinstance(value, (list, tuple)):
        return [_json_values(item, f"{where}[{index}]") for index, item in enumerate(value)]
    raise UsageError(f"{where} must be text, numbers, lists or tables, not {type(value).__name__}")


_EARNEST = 1 << 20  # elements of a tensor, about, of a model that is made to see what its tensors are


def _wanted(config: ModelConfig, tensors: int) -> dict[str, Tensor]:
    """The tensors of a model; of a large one without their memory, because a config may ask for more than there is.

    A small one is made in earnest: torch loads its compiler, for seconds, to make tensors without memory.
    """
    if config.n_layers > tensors:
        raise ValueError(f"config has {config.n_layers} layers, but there are {tensors} tensors")
    width = max(config.d_model, config.d_input, config.d_output)
    large = config.n_layers * width * (width + config.d_state) > _EARNEST
    try:
        with torch.random.fork_rng(devices=[]), torch.device("meta") if large else nullcontext():
            return SequenceModel(config).state_dict()
    except RuntimeError as error:
        raise ValueError("config describes a model too large for any memory") from error


def _tensor_faults(found: dict[str, Tensor], wanted: dict[str, Tensor]) -> list[str]:
    """Every way in which a state dict disagrees with the model that its config describes."""
    faults = [f"tensor {name} is missing" for name in wanted if name not in found]
    faults += [f"tensor {name} is not part of this model" for name in found if name not in wanted]
    for name, tensor in found.items():
        if name not in wanted:
            continue
        if tensor.shape != wanted[name].shape:
            faults.append(f"tensor {name} must have shape {tuple(wanted[name].shape)}, not {tuple(tensor.shape)}")
        elif tensor.layout != torch.strided or tensor.device.type != "cpu" or _kind(tensor) != _kind(wanted[name]):
            faults.append(
                f"tensor {name} must be dense {wanted[name].dtype} numbers, not {tensor.layout} {tensor.dtype}"
            )
        elif not bool(torch.isfinite(tensor).all()):
            count = int((~torch.isfinite(tensor)).sum())
            faults.append(f"tensor {name} has {count} values that are NaN or infinite")
    return faults


def _kind(tensor: Tensor) -> tuple[bool, bool]:
    return tensor.is_floating_point(), tensor.is_complex()


def _read_torch(path: Path) -> Any:
    try:
        with warnings.catch_warnings():
            # A file that torch finds odd is either read or refused here.
            warnings.simplefilter("ignore")
            return torch.load(path, map_location="cpu", weights_only=True)
    except pickle.UnpicklingError as error:
        raise ForeignFileError(
            f"{path} is refused: it is a pickle with code or objects in it, or not a torch file; "
            "save a plain dict of tensors with qssmc.models.save_checkpoint, or use safetensors"
        ) from error
    except Exception as error:  # torch's reader lets out what a damaged pickle makes of its own code
        raise ForeignFileError(f"{path} cannot be read; it is truncated or not a torch file") from error


def _read_safetensors(path: Path) -> Any:
    from safetensors import SafetensorError, safe_open

    try:
        with safe_open(path, framework="pt") as archive:
            payload = parse_json((archive.metadata() or {}).get("qssmc", "{}"))
            if not isinstance(payload, dict):
                return None
            names = list(archive.keys())
            payload["state"] = {
                name.removeprefix(_STATE): archive.get_tensor(name) for name in names if name.startswith(_STATE)
            }
            payload["calibration"] = archive.get_tensor("calibration") if "calibration" in names else None
            return payload
    except (SafetensorError, OSError, ValueError, struct.error) as error:
        raise MalformedInputError(f"{path} cannot be read as safetensors ({brief(error)})") from error
