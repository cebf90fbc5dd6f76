"""Pragmas: the lines that tell the HLS tool how to lay out arrays, in either flavor."""

from __future__ import annotations

from qssmc.backends.hls.options import Flavor


def partition(name: str, dim: int, cyclic: int = 0) -> str:
    """Every element of a dimension in a register of its own, or spread over so many memories."""
    how = f"cyclic factor={cyclic}" if cyclic else "complete"
    return f"#pragma HLS array_partition variable={name} {how} dim={dim}"


def ram(name: str, flavor: Flavor) -> list[str]:
    """A memory that is read and written in one clock."""
    if flavor == "vivado":
        return [f"#pragma HLS resource variable={name} core=RAM_2P"]
    return [f"#pragma HLS bind_storage variable={name} type=ram_2p"]


def dependence_free(name: str) -> str:
    """Each element is read and then written once in a loop, so that no iteration waits for another."""
    return f"#pragma HLS dependence variable={name} inter false"


def depth(name: str, elements: int) -> str:
    """The length of a stream's queue."""
    return f"#pragma HLS stream variable={name} depth={elements}"
