"""Emission: the files of several targets of one model, and why one of them cannot be emitted, all told at once."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

from qssmc.backends.support import refusals
from qssmc.errors import UnsupportedModelError
from qssmc.targets.backend import Files, Lowered
from qssmc.targets.registry import BACKENDS


def emit_targets(
    names: Sequence[str],
    lowered: Lowered,
    options: Mapping[str, Any],
    begins: Callable[[str], object] = lambda name: None,
) -> Files:
    """All files of targets. options: of single targets by name; those that are left out have their defaults. begins:
    told of each before its turn.

    Raises UnsupportedModelError as check_supported does, and where a target finds that whole graphs do not fit it.
    """
    check_supported(names, lowered)
    files: Files = {}
    for name in names:
        begins(name)
        files |= BACKENDS[name].emit(lowered, BACKENDS[name].chosen(options))
    return files


def check_supported(names: Sequence[str], lowered: Lowered) -> None:
    """Raise UnsupportedModelError with every op of every target that cannot emit it: its name, kind and origin in the
    source model, the target and the reason."""
    faults = [
        f"--target {name}: {fault}"
        for name in names
        for graph in BACKENDS[name].emits(lowered)
        for fault in refusals(graph.ops, BACKENDS[name].supports)
    ]
    if faults:
        raise UnsupportedModelError(
            f"{lowered.golden.name} holds ops that its targets cannot emit; change the model or leave these targets: "
            + "; ".join(dict.fromkeys(faults))
        )
