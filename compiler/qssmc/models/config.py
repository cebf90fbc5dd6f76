"""ModelConfig: every choice that fixes the shape of a trainable sequence model."""

from __future__ import annotations

import math
from dataclasses import asdict, dataclass, fields
from typing import Any, Literal, cast, get_args

from qssmc.errors import UsageError, shown
from qssmc.ir.answers import KINDS, kind_of
from qssmc.ir.graph import Kind

Discretization = Literal["zoh", "bilinear"]
Activation = Literal["gelu", "relu", "silu", "qgelu"]
Mixing = Literal["linear", "glu"]
Norm = Literal["none", "layer", "batch"]
NormPosition = Literal["pre", "post"]
Output = Literal["pooled", "step"]

_CHOICES: dict[str, tuple[str, ...]] = {
    "discretization": get_args(Discretization),
    "activation": get_args(Activation),
    "mixing": get_args(Mixing),
    "norm": get_args(Norm),
    "norm_position": get_args(NormPosition),
    "output": get_args(Output),
}
MOST = 1 << 20  # of channels, states, layers and outputs; a config of more describes no model
_POSITIVE = ("d_input", "d_model", "d_state", "n_layers", "d_output")


class ConfigError(UsageError):
    """A model configuration that cannot be built; the message lists every fault."""


@dataclass(frozen=True)
class ModelConfig:
    """Shape of a stack of diagonal state-space blocks.

    d_state counts complex states a head (N in S4D, Gu et al., arXiv 2206.11893); a head is one of the
    d_model channels. output "pooled" answers once, from the mean over time, when the sequence closes;
    "step" answers at every sample. Time steps start between dt_min and dt_max: about 1 / dt samples are remembered, so
    short sequences want larger ones. answer: what the outputs say, see qssmc.ir.graph.Kind; None, as in files that are
    older than it: of several outputs the largest decides, one is a flag.
    """

    d_input: int = 1
    d_model: int = 16
    d_state: int = 32
    n_layers: int = 1
    d_output: int = 10
    discretization: Discretization = "zoh"
    activation: Activation = "gelu"
    mixing: Mixing = "glu"
    residual: bool = True
    norm: Norm = "none"
    norm_position: NormPosition = "pre"
    dropout: float = 0.0
    output: Output = "pooled"
    dt_min: float = 1e-3
    dt_max: float = 1e-1
    answer: Kind | None = None

    def __post_init__(self) -> None:
        for field in fields(self):  # numpy's scalars are taken for Python's
            if hasattr(value := getattr(self, field.name), "item"):
                object.__setattr__(self, field.name, value.item())
        faults = [
            f"{name} must be an integer of {'at least 1' if _is_small(getattr(self, name)) else f'1 to {MOST}'}, "
            f"not {shown(getattr(self, name))}"
            for name in _POSITIVE
            if not _is_count(getattr(self, name))
        ]
        faults += [
            f"{name} must be one of {', '.join(choices)}, not {shown(getattr(self, name))}"
            for name, choices in _CHOICES.items()
            if getattr(self, name) not in choices
        ]
        if self.answer not in (None, *KINDS):
            faults.append(f"answer must be one of {', '.join(KINDS)}, not {shown(self.answer)}")
        elif self.answer == "class" and self.d_output == 1:
            faults.append("answer must be flags or values where d_output is 1, for a class is decided between outputs")
        if not _is_flag(self.residual):
            faults.append(f"residual must be true or false, not {shown(self.residual)}")
        if not isinstance(self.dropout, (int, float)) or not 0 <= self.dropout < 1:
            faults.append(f"dropout must lie in [0, 1), not {shown(self.dropout)}")
        if not all(isinstance(dt, (int, float)) for dt in (self.dt_min, self.dt_max)) or not (
            0.0 < self.dt_min <= self.dt_max < math.inf
        ):
            faults.append(
                f"dt_min and dt_max must be above 0 and in order, not {shown(self.dt_min)} and {shown(self.dt_max)}"
            )
        if faults:
            raise ConfigError("model config: " + "; ".join(faults))

    @property
    def kind(self) -> Kind:
        """What the outputs say."""
        return self.answer or kind_of(self.d_output)

    def to_dict(self) -> dict[str, Any]:
        """The config as plain JSON values; an answer that was not given is left out, as older files leave it out."""
        return {name: value for name, value in asdict(self).items() if name != "answer" or value is not None}

    @classmethod
    def from_dict(cls, values: object) -> ModelConfig:
        """Rebuild a config from plain values; unknown or missing keys are an error."""
        if not isinstance(values, dict):
            raise ConfigError(f"model config must be a table of names and values, not {type(values).__name__}")
        known = {field.name for field in fields(cls)}
        unknown = sorted(str(key) for key in values if key not in known)
        if unknown:
            raise ConfigError(f"model config has unknown keys: {', '.join(unknown)}")
        return cls(**cast(dict[str, Any], values))


def _is_flag(value: object) -> bool:
    return isinstance(value, bool)


def _is_count(value: object) -> bool:
    return isinstance(value, int) and not isinstance(value, bool) and 1 <= value <= MOST


def _is_small(value: object) -> bool:
    return not isinstance(value, int) or value <= MOST
