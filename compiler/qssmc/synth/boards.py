"""Boards: what `--board` can name, with the device, its pins and what of each resource it has."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Literal

Family = Literal["ice40", "ecp5", "xc7"]


@dataclass(frozen=True)
class Resource:
    """A resource: how nextpnr calls it, and what a person does."""

    bel: str
    name: str


@dataclass(frozen=True)
class Fpga:
    """A device: flags for nextpnr, the option of yosys' synth command, and the MHz that placement is asked to reach.

    lut: prefixes of yosys' cells with the LUTs that one takes; ff: prefixes; ram: cells with the bits that one holds.
    """

    family: Family
    name: str
    place: tuple[str, ...]
    synth: str
    reach: float
    lut: Mapping[str, int]
    ff: tuple[str, ...]
    ram: Mapping[str, int]
    dsp: tuple[str, ...]
    resources: tuple[Resource, ...] = ()


_ICE40_RESOURCES = (
    Resource("ICESTORM_LC", "logic cells"), Resource("ICESTORM_RAM", "RAM blocks"),
    Resource("ICESTORM_DSP", "multipliers"), Resource("SB_IO", "pins"),
)  # fmt: skip
_ECP5_RESOURCES = (
    Resource("TRELLIS_COMB", "LUTs"), Resource("TRELLIS_FF", "flip-flops"), Resource("DP16KD", "RAM blocks"),
    Resource("MULT18X18D", "multipliers"), Resource("TRELLIS_IO", "pins"),
)  # fmt: skip


def _ice40(name: str, place: tuple[str, ...], synth: str, reach: float) -> Fpga:
    return Fpga(
        "ice40", name, place, synth, reach, {"SB_LUT4": 1}, ("SB_DFF",), {"SB_RAM40_4K": 4096}, ("SB_MAC16",),
        _ICE40_RESOURCES,
    )  # fmt: skip


UP5K = _ice40("iCE40UP5K-SG48", ("--up5k", "--package", "sg48"), "synth_ice40 -dsp", 40)
HX8K = _ice40("iCE40HX8K-CT256", ("--hx8k", "--package", "ct256"), "synth_ice40", 100)
ECP5 = Fpga(
    "ecp5", "LFE5U-85F-6BG381C", ("--85k", "--package", "CABGA381", "--speed", "6"), "synth_ecp5", 130,
    {"LUT4": 1, "CCU2C": 2, "TRELLIS_DPR16X4": 4}, ("TRELLIS_FF",), {"DP16KD": 18432}, ("MULT18X18D",), _ECP5_RESOURCES,
)  # fmt: skip
XC7 = Fpga(
    "xc7", "Xilinx 7 series", (), "synth_xilinx -family xc7", 0, {"LUT": 1}, ("FD",),
    {"RAMB18E1": 18432, "RAMB36E1": 36864}, ("DSP48E1",),
)  # fmt: skip


@dataclass(frozen=True)
class Board:
    """A board: its oscillator in MHz, the pins of the board top's ports, and the level at which its LEDs are on."""

    device: Fpga
    clock: float
    pins: Mapping[str, str]
    led_on: int

    def constraints(self) -> str:
        """A .pcf for the iCE40, an .lpf for the ECP5. A frequency there would go before the flag."""
        if self.device.family == "ice40":
            return "".join(f"set_io {port} {pin}\n" for port, pin in self.pins.items())
        lines = [
            f'LOCATE COMP "{port}" SITE "{pin}";\nIOBUF PORT "{port}" IO_TYPE=LVCMOS33;\n'
            for port, pin in self.pins.items()
        ]
        return "".join(lines)


def _pins(clk: str, rx: str, tx: str, busy: str, overrun: str) -> Mapping[str, str]:
    return {"clk": clk, "rx": rx, "tx": tx, "led_busy": busy, "led_overrun": overrun}


# The serial lines are those of the boards' USB chips.
BOARDS: Mapping[str, Board] = {
    "icebreaker": Board(UP5K, 12, _pins("35", "6", "9", "37", "11"), 0),
    "hx8k": Board(HX8K, 12, _pins("J3", "B10", "B12", "B5", "B4"), 1),
    "ulx3s": Board(ECP5, 25, _pins("G2", "M1", "L4", "B2", "C2"), 1),
}


@dataclass(frozen=True)
class Bare:
    """A family without a board: cells are counted, nothing is placed."""

    device: Fpga = field(default=XC7)


FAMILIES: Mapping[str, Bare] = {"xc7": Bare()}
