"""Chain: what follows the recurrence within a layer: activation, dropout, and mixing of channels."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
from torch import nn

from qssmc.ir.build import Builder
from qssmc.ir.ops import Glu, Matvec, TypeFault
from qssmc.ir.table import Table


def build_chain(b: Builder, parts: list[nn.Module], stem: str, x: str, origin: str) -> str:
    """The modules one after another. GLU halves the channels, wherever they lie. Raises TypeFault for others."""
    from qssmc.frontend.handlers import MODULES, numbers

    for part in parts:
        name = b.fresh(f"{stem}_{type(part).__name__.lower()}")
        if isinstance(part, nn.GLU):
            x = b.add(Glu(), name, x, origin=origin)
        elif isinstance(part, nn.Conv1d) and part.kernel_size == (1,) and part.groups == 1:
            bias = np.zeros(part.out_channels) if part.bias is None else numbers(part.bias)
            weight = Table.real(numbers(part.weight)[:, :, 0])
            x = b.add(Matvec(weight=weight, bias=Table.real(bias)), name, x, origin=origin)
        elif is_off(part):
            continue
        elif type(part) in MODULES:
            x = MODULES[type(part)].build(b, part, name, x, origin)
        else:
            raise TypeFault(f"{type(part).__name__} within the layer has no IR form")
    return x


def flat(module: nn.Module) -> Iterator[nn.Module]:
    """The modules of nested Sequentials in order."""
    if isinstance(module, nn.Sequential):
        for part in module:
            yield from flat(part)
    else:
        yield module


def is_off(module: nn.Module) -> bool:
    """Whether a module gives its operand back in evaluation: identities and dropouts, of whatever class."""
    return isinstance(module, nn.Identity) or (
        "dropout" in type(module).__name__.lower() and not list(module.parameters())
    )
