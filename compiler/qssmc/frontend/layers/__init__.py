"""Layers: a registry of state-space layers as others write them, each checked by its numbers before it is taken."""

from qssmc.frontend.layers.registry import LayerHandler, handler_of, register

__all__ = ["LayerHandler", "handler_of", "register"]
