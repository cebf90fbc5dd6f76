"""The crossbar target: the weight map of the arrays, and the host that drives them."""

from __future__ import annotations

from qssmc.backends.crossbar.emit import FOLDER, emit
from qssmc.backends.crossbar.weight_map import map_of

__all__ = ["FOLDER", "emit", "map_of"]
