"""Names: what the names of ops on arrays are made of, by which later passes, backends and simulators find them."""

from __future__ import annotations

KERNEL = "_kernel_h"  # between a layer's stem and the number of the head, in the name of a fused product
FLUSH = "_flush"  # before the number of a step after the last sample, in the names of its values
ADC = "_adc"  # what the names of converters end in


def original(name: str) -> str:
    """The name that an op has at every step, of its copy in the flush after the last.

    >>> original("x_kernel_h0_flush2")
    'x_kernel_h0'
    """
    return name.split(FLUSH, maxsplit=1)[0]
