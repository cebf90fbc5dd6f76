"""Precision: a module that computes in double precision, complex parameters and plain attributes included."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import torch
from torch import nn

_DOUBLE = {torch.complex64: torch.complex128, torch.complex32: torch.complex128}


def in_double(module: nn.Module) -> nn.Module:
    """Change a module in place: real numbers become float64, complex ones complex128.

    `Module.double` leaves complex numbers, and tensors that are no parameters, as they are.
    """
    return _changed(module, doubled)


def in_single(module: nn.Module) -> nn.Module:
    """Change a module in place: real numbers become float32; complex ones stay."""
    return _changed(module, lambda tensor: tensor.float() if tensor.is_floating_point() else tensor)


def doubled(tensor: torch.Tensor) -> torch.Tensor:
    """A tensor in float64 or complex128; integers stay."""
    if tensor.is_floating_point():
        return tensor.double()
    return tensor.to(_DOUBLE.get(tensor.dtype, tensor.dtype))


def precisions() -> Iterator[tuple[str, torch.dtype, Callable[[nn.Module], nn.Module]]]:
    """Ways to run a module, best first: in double precision, and in single where its code asks for that."""
    yield "float64", torch.float64, in_double
    yield "float32", torch.float32, in_single


def _changed(module: nn.Module, change: Callable[[torch.Tensor], torch.Tensor]) -> nn.Module:
    for part in module.modules():
        for name, parameter in part._parameters.items():
            if parameter is not None:
                with torch.no_grad():
                    part._parameters[name] = nn.Parameter(change(parameter.detach()), requires_grad=False)
        for name, buffer in part._buffers.items():
            if buffer is not None:
                part._buffers[name] = change(buffer)
        plain: dict[str, Any] = vars(part)
        for name, value in list(plain.items()):
            if isinstance(value, torch.Tensor):
                plain[name] = change(value.detach())
    return module
