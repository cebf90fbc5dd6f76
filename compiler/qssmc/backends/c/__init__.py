"""The C target: C99 without heap or float, one function a step, fused into loops that compilers turn into vectors."""

from qssmc.backends.c.emit import SUPPORTED, emit
from qssmc.backends.c.names import as_prefix
from qssmc.backends.c.vectors import vector_texts

__all__ = ["SUPPORTED", "as_prefix", "emit", "vector_texts"]
