"""Registry: the handlers of layers that stand in others' code, by the names and shapes of their parameters."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from functools import cache
from importlib.metadata import entry_points

import torch
from torch import nn

from qssmc.errors import UsageError
from qssmc.frontend.layers.declared import Declared
from qssmc.ir.build import Builder

ENTRY_POINTS = "qssmc.layers"
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


_registered: list[LayerHandler] = []


def register(handler: LayerHandler) -> LayerHandler:
    """Add a handler, which goes before those added earlier. Raises UsageError for what is none.

    A package that brings handlers names them under the entry point group `qssmc.layers`.
    """
    if not isinstance(handler, LayerHandler):
        raise UsageError(f"a layer is registered by a LayerHandler, not by {type(handler).__name__}")
    try:
        re.compile(handler.classes)
    except re.error as error:
        raise UsageError(f"classes of layer {handler.name} is no regular expression ({error})") from error
    _registered.insert(0, handler)
    return handler


def handler_of(module: nn.Module) -> LayerHandler | None:
    """The handler of a module, by its class name and its parameters; None where there is none."""
    name = type(module).__name__
    for handler in (*_registered, *_of_packages(), *_own()):
        if re.search(handler.classes, name, re.IGNORECASE) and handler.matches(module):
            return handler
    return None


def approximates(module: nn.Module, declared: Declared) -> bool:
    """Whether a part of a model is identified, or read by a handler that may leave states out."""
    handlers = [handler_of(part) for part in module.modules()]
    return bool(declared.names) or any(handler is not None and handler.approximate for handler in handlers)


def tensors_of(module: nn.Module) -> Tensors:
    """A module's own parameters and buffers by name; buffers count, for that is how parameters are frozen."""
    return {**dict(module.named_buffers(recurse=False)), **dict(module.named_parameters(recurse=False))}


@cache
def _of_packages() -> tuple[LayerHandler, ...]:
    """The handlers that installed packages bring."""
    found = []
    for point in sorted(entry_points(group=ENTRY_POINTS), key=lambda point: point.name):
        try:
            handler = point.load()
        except Exception as error:  # the package's own code is imported here
            raise UsageError(f"the layer {point.name} of {point.value} cannot be imported ({error})") from error
        if not isinstance(handler, LayerHandler):
            raise UsageError(f"{point.value} must be a LayerHandler, not {type(handler).__name__}")
        found.append(handler)
    return tuple(found)


@cache
def _own() -> tuple[LayerHandler, ...]:
    from qssmc.frontend.layers.dense import MEMORY, SPACE
    from qssmc.frontend.layers.ema import EMA, HEADS
    from qssmc.frontend.layers.lru import LRU
    from qssmc.frontend.layers.norms import NORM
    from qssmc.frontend.layers.s4 import S4, S4_LOW_RANK
    from qssmc.frontend.layers.s4d import S4D
    from qssmc.frontend.layers.s5 import S5

    return (S4, S4_LOW_RANK, S4D, LRU, S5, EMA, HEADS, MEMORY, SPACE, NORM)
