"""Load a weight map into aihwkit: one ideal inference tile an array, its weights the exported conductances in µS.

    python examples/crossbar/load_aihwkit.py out/crossbar

The tile computes in float32. It is the inference tile in torch; the compiled one only works with the torch release that
its wheel was built with.
"""

from __future__ import annotations

import numpy as np
from lines import Core, Currents, Difference, Volts, compare, main

from qssmc.crossbar import Array, CrossbarMap

INSTALL = "pip install aihwkit"


def load(array: Array) -> Core:
    """A tile with an input for every row line and an output for every column line. Replace `forward` to add noise."""
    import torch
    from aihwkit.simulator.configs import TorchInferenceRPUConfig

    config = TorchInferenceRPUConfig()
    config.forward.is_perfect = True
    config.mapping.weight_scaling_omega = 0.0  # conductances as they are
    rows, columns = array.conductance.shape
    tile = config.tile_class(columns, rows, config)
    tile.set_weights(torch.tensor(array.conductance.T, dtype=torch.float32))
    tile.eval()

    def core(volts: Volts) -> Currents:
        with torch.no_grad():
            return np.asarray(tile.forward(torch.tensor(volts, dtype=torch.float32)).numpy())

    return core


def run(crossbar: CrossbarMap, draws: int, seed: int) -> Difference:
    """Every read of a map through aihwkit."""
    return compare(crossbar, load, float(np.finfo(np.float32).eps), draws, seed)


if __name__ == "__main__":
    main("aihwkit", "aihwkit", run, INSTALL)
