"""Layers: a registry of state-space layers as others write them, each checked by its numbers before it is taken."""

from qssmc.frontend.layers.declared import LTI_ERROR, Declared
from qssmc.frontend.layers.registry import LayerHandler, approximates, handler_of, register

__all__ = ["LTI_ERROR", "Declared", "LayerHandler", "approximates", "handler_of", "register"]
