"""Registry: the handlers of layers that stand in others' code, by the names and shapes of their parameters."""

from __future__ import annotations

import re
from functools import cache
from importlib.metadata import entry_points

from torch import nn

from qssmc.errors import UsageError
from qssmc.frontend.layers.declared import Declared
from qssmc.frontend.layers.dense import MEMORY, SPACE
from qssmc.frontend.layers.ema import EMA, HEADS
from qssmc.frontend.layers.handler import LayerHandler
from qssmc.frontend.layers.lru import LRU
from qssmc.frontend.layers.norms import NORM
from qssmc.frontend.layers.quantised_s4d import QUANTISED_S4D
from qssmc.frontend.layers.s4 import S4, S4_LOW_RANK
from qssmc.frontend.layers.s4d import S4D
from qssmc.frontend.layers.s5 import S5

ENTRY_POINTS = "qssmc.layers"
OWN = (QUANTISED_S4D, S4, S4_LOW_RANK, S4D, LRU, S5, EMA, HEADS, MEMORY, SPACE, NORM)


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
    for handler in (*_registered, *_of_packages(), *OWN):
        if re.search(handler.classes, name, re.IGNORECASE) and handler.matches(module):
            return handler
    return None


def approximates(module: nn.Module, declared: Declared) -> bool:
    """Whether a part of a model is identified, or read by a handler that may leave states out."""
    handlers = [handler_of(part) for part in module.modules()]
    return bool(declared.names) or any(handler is not None and handler.approximate for handler in handlers)


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
