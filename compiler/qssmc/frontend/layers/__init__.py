"""Layers: a registry of state-space layers as others write them, each checked by its numbers before it is taken.

Names are imported when they are first asked for, because only what reads modules needs torch.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from qssmc.frontend.layers.declared import LTI_ERROR, Declared
    from qssmc.frontend.layers.handler import LayerHandler
    from qssmc.frontend.layers.registry import approximates, handler_of, register

__all__ = ["LTI_ERROR", "Declared", "LayerHandler", "approximates", "handler_of", "register"]


def __getattr__(name: str) -> Any:
    if name not in __all__:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    home = {"LTI_ERROR": "declared", "Declared": "declared", "LayerHandler": "handler"}.get(name, "registry")
    return getattr(import_module(f"{__name__}.{home}"), name)
