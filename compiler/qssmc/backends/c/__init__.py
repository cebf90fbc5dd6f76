"""The C target: C99 without heap or float, one function a step, fused into loops that compilers turn into vectors."""

from qssmc.backends.c.emit import emit
from qssmc.backends.c.names import as_prefix
from qssmc.backends.c.support import supports
from qssmc.backends.c.vectors import vector_texts

__all__ = ["as_prefix", "emit", "supports", "vector_texts"]
