"""Support: whether a backend can emit the ops of a graph, asked op by op before anything is emitted."""

from __future__ import annotations

from collections.abc import Callable, Iterable

from qssmc.errors import UnsupportedModelError
from qssmc.ir.ops import Op

Supports = Callable[[Op], str | None]  # None, or why the op cannot be emitted, as the end of a sentence about it


def refusals(ops: Iterable[Op], supports: Supports) -> list[str]:
    """Of each op that cannot be emitted its name, kind and origin in the source model, and the reason."""
    return [
        f"%{op.name} ({op.mnemonic}, from {op.origin or 'nowhere'}) {reason}"
        for op in ops
        if (reason := supports(op)) is not None
    ]


def check_ops(target: str, ops: Iterable[Op], supports: Supports) -> None:
    """Raise UnsupportedModelError with every op that a target, called by a word of the user's, cannot emit."""
    if faults := refusals(ops, supports):
        raise UnsupportedModelError(f"{target}: {'; '.join(faults)}")
