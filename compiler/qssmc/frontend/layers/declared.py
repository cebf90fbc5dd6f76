"""Declared: what a user says of layers that no handler knows: which are linear and time-invariant, to what error."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from torch import nn

from qssmc.errors import UsageError

LTI_ERROR = 1e-3


@dataclass(frozen=True)
class Declared:
    """names: class names or paths of layers; error: what an approximation may differ by, of the largest answer.

    length: of the sequences that the model sees, for layers that are made for one length.
    """

    names: tuple[str, ...] = ()
    error: float = LTI_ERROR
    length: int | None = None

    def __post_init__(self) -> None:
        if not 0.0 < self.error < 1.0:
            raise UsageError(f"--lti-error must lie between 0 and 1, not {self.error:g}")

    def layers(self, module: nn.Module) -> Iterator[nn.Module]:
        """The outermost parts of a module that a name stands for; raises UsageError for a name without any."""
        parts = list(module.named_modules())
        for name in self.names:
            if not any(_is(name, path, part) for path, part in parts):
                kinds = sorted({type(part).__name__ for path, part in parts if path and not _of_torch(part)})
                raise UsageError(
                    f"--lti names {name}, but the model has no layer of that class or path; "
                    f"its classes are {', '.join(kinds) or 'those of torch alone'}"
                )
        for path, part in parts:
            if any(_is(name, path, part) for name in self.names):
                yield part


def _is(name: str, path: str, part: nn.Module) -> bool:
    return name in (path, type(part).__name__)


def _of_torch(part: nn.Module) -> bool:
    return type(part).__module__.partition(".")[0] == "torch"
