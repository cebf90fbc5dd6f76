"""Multipliers from LUTs, where a device has fewer multiplier blocks (DSPs) than a circuit would use."""

from __future__ import annotations

from qssmc.backends.verilog.circuit import Circuit
from qssmc.errors import UsageError


def use_lut_multipliers(circuit: Circuit, lanes: int, multipliers: int) -> None:
    """Build the narrowest multipliers from LUTs until the others fit the device's multiplier blocks.

    Raises UsageError where the layers alone, at so many lanes, need more.
    """
    left = multipliers - sum(cell.multipliers for cell in circuit.cells if cell.module == "qssm_ssm")
    if left < 0:
        raise UsageError(
            f"{lanes} lane{'s' if lanes > 1 else ''} of each layer need{'' if lanes > 1 else 's'} "
            f"{multipliers - left} multipliers, {-left} more than --multipliers {multipliers}; give fewer lanes"
        )
    others = [cell for cell in circuit.cells if cell.multipliers and cell.module != "qssm_ssm"]
    for cell in sorted(others, key=lambda cell: -cell.product):
        hard = min(cell.multipliers, left)
        if cell.module == "qssm_dot":  # whole rows, of so many elements each
            elements = int(str(cell.parameters["K"]))
            hard -= hard % elements
            cell.parameters["SOFT"] = (cell.multipliers - hard) // elements
        else:
            cell.parameters["SOFT"] = cell.multipliers - hard
        cell.soft = cell.multipliers - hard
        left -= hard
