"""LayerHandler: how a layer that stands in others' code becomes IR ops."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass

import torch
from torch import nn

from qssmc.ir.build import Builder

Tensors = Mapping[str, torch.Tensor]
# (builder, stem of the names, operand, origin) -> value
Build = Callable[[Builder, str, str, str], str]


@dataclass(frozen=True)
class LayerHandler:
    """How a layer that is not of this package becomes IR ops.

    name: what it is, for reports; classes: a regular expression that the class name must hold, whatever its case,
    since import paths are copies; matches: whether the parameters' and buffers' names and shapes are those of the
    layer; read: the ways to read it, each with its description. Of these the one is taken whose impulse responses and
    answers to random sequences are those of the live layer; a layer that agrees with none is refused. approximate: its
    ways are reductions, which may differ by the error that a user allows (`--lti-error`).
    """

    name: str
    classes: str
    matches: Callable[[nn.Module], bool]
    read: Callable[[nn.Module], Iterable[tuple[str, Build]]]
    approximate: bool = False


def tensors_of(module: nn.Module) -> Tensors:
    """A module's own parameters and buffers by name; buffers count, for that is how parameters are frozen."""
    return {**dict(module.named_buffers(recurse=False)), **dict(module.named_parameters(recurse=False))}
