"""Names: the names of weights without the wrappers that training puts around them, and which copy they belong to."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from qssmc.errors import UnsupportedModelError
from qssmc.frontend.importing.arrays import Arrays

# What wrappers of models, frameworks and files put before the names of a model itself.
_WRAPPERS = frozenset(
    (
        "model", "module", "_orig_mod", "state_dict", "model_state_dict", "state", "net", "network", "params",
        "weights", "batch_stats", "batch_norm_stats", "_forward_module", "model_state", "generator", "_model",
        "_module", "target", "online_model", "s4_model", "ssm_model",
    )
)  # fmt: skip
_AVERAGED = frozenset(
    (
        "ema", "ema_model", "model_ema", "ema_state_dict", "state_dict_ema", "shadow", "shadow_params",
        "averaged_model", "swa_model", "teacher", "ema_params", "average", "model_ema_state_dict",
        "ema_model_state_dict", "averages",
    )
)  # fmt: skip
_NOT_WEIGHTS = frozenset(
    (
        "optimizer", "optimizers", "optimizer_states", "optimizer_state_dict", "optim", "opt", "opt_state",
        "lr_scheduler", "lr_schedulers", "scheduler", "scheduler_state_dict", "scaler", "callbacks", "loops",
        "rng_state", "rng_states", "hyper_parameters", "criterion", "loss", "loss_fn", "train_acc", "val_acc",
        "test_acc", "metrics", "torch_rng_state",
    )
)  # fmt: skip
_COUNTERS = ("num_batches_tracked", "n_averaged", "num_updates", "step", "initted", "decay", "count")
PLAIN, AVERAGED = "model", "ema"


def copies_of(arrays: Arrays) -> dict[str, Arrays]:
    """The copies of a model's weights in a file, "model" and "ema", each by names without wrappers.

    Names of flax are turned into those of torch: layers_0 into layers.0, and / into a dot. What training keeps beside
    the weights (optimizers, counters) is left out.

    >>> import numpy as np
    >>> found = copies_of({"state_dict.model.a.w": np.ones(2), "state_dict.ema.module.a.w": np.ones(2)})
    >>> {copy: list(named) for copy, named in found.items()}
    {'model': ['a.w'], 'ema': ['a.w']}
    """
    copies: dict[str, Arrays] = {}
    for full, array in arrays.items():
        parts = _dotted(full).split(".")
        copy = PLAIN
        while len(parts) > 1 and (parts[0] in _WRAPPERS or parts[0] in _AVERAGED):
            copy = AVERAGED if parts[0] in _AVERAGED else copy
            parts = parts[1:]
        single = len(parts) == 1 and (array.ndim == 0 or array.dtype.kind in "iub")
        if any(part in _NOT_WEIGHTS for part in parts[:1]) or single or (parts[-1] in _COUNTERS and array.ndim == 0):
            continue
        copies.setdefault(copy, {}).setdefault(".".join(parts), array)
    return {copy: _spelled(named) for copy, named in copies.items()}


def _dotted(name: str) -> str:
    """A name in the form of torch: of "params/encoder/layers_0/kernel" params.encoder.layers.0.kernel."""
    name = re.sub(r"[/|]|::|\['|'\]\['|'\]", ".", name).strip(".")
    name = re.sub(r"\.{2,}", ".", name)
    return re.sub(r"_(\d+)(?=\.|$)", r".\1", name)


def _spelled(arrays: Arrays) -> Arrays:
    """Weights of flax's Dense, `kernel` of (inputs, outputs), and of weight norm, as torch's plain `weight`."""
    found: Arrays = {}
    for name, array in arrays.items():
        if (direction := _direction_of(name)) is not None:
            found[direction.weight] = _multiplied(array, arrays.get(direction.direction), direction.weight)
            continue
        if any(name == other.direction for length in arrays if (other := _direction_of(length)) is not None):
            continue
        node, _, own = name.rpartition(".")
        if own == "kernel" and array.ndim in (2, 3):
            found[f"{node}.weight" if node else "weight"] = np.ascontiguousarray(array.T)
        else:
            found[name] = array
    return found


@dataclass(frozen=True)
class _WeightNorm:
    """The names of a weight kept as length and direction: of the whole, and of the direction."""

    weight: str
    direction: str


def _direction_of(name: str) -> _WeightNorm | None:
    """What the length of a weight under weight norm belongs to; None for other names."""
    for length, direction, plain in (
        ("weight_g", "weight_v", "weight"),
        ("parametrizations.weight.original0", "parametrizations.weight.original1", "weight"),
    ):
        if name.endswith(f".{length}"):
            stem = name.removesuffix(length)
            return _WeightNorm(stem + plain, stem + direction)
    return None


def _multiplied(length: NDArray[Any], direction: NDArray[Any] | None, name: str) -> NDArray[Any]:
    """length direction / |direction|, row by row."""
    if direction is None or length.shape != (*direction.shape[:1], *(1,) * (direction.ndim - 1)):
        raise UnsupportedModelError(f"{name} is under a weight norm of another form; save the model without it")
    norm = np.sqrt((direction**2).sum(axis=tuple(range(1, direction.ndim)), keepdims=True))
    return np.asarray(length * direction / norm)


def flax(arrays: Arrays) -> bool:
    """Whether names are those of flax, whose norms add another eps than torch's."""
    return any(name.rpartition(".")[2] in ("kernel", "scale") for name in arrays)


def node_of(name: str) -> str:
    """What a weight belongs to: its name without the last part."""
    return name.rpartition(".")[0]


def nodes_of(arrays: Arrays) -> dict[str, Arrays]:
    """The own arrays of each module, by the module's path."""
    found: dict[str, Arrays] = {}
    for name, array in arrays.items():
        node, _, own = name.rpartition(".")
        found.setdefault(node, {})[own] = array
    return found


def in_order(names: list[str]) -> list[str]:
    """Names in the order of the numbers in them.

    >>> in_order(["a.10", "a.9"])
    ['a.9', 'a.10']
    """
    return sorted(
        names, key=lambda name: [(int(part), "") if part.isdigit() else (-1, part) for part in re.split(r"(\d+)", name)]
    )
