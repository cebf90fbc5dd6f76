"""Converters: bits of an array's cells, of its row drivers and column converters, and of the registers beside it."""

from __future__ import annotations

from dataclasses import dataclass

from qssmc.crossbar.options import CrossbarOptions
from qssmc.errors import UsageError


@dataclass(frozen=True)
class Converters:
    """weight_bits: signed, one differential pair of cells; dac_bits, adc_bits: signed; registers: of p and v;
    share: of all values in calibration that a range holds, the others saturate."""

    weight_bits: int = 8
    dac_bits: int = 8
    adc_bits: int = 6
    register_bits: int = 16
    share: float = 0.999

    def __post_init__(self) -> None:
        for name, low, high in (("weight", 2, 8), ("dac", 2, 12), ("adc", 2, 12), ("register", 4, 24)):
            bits = getattr(self, f"{name}_bits")
            if not low <= bits <= high:
                raise UsageError(f"--{name}-bits must be {low} to {high}, not {bits}")
        if self.register_bits < self.dac_bits:
            raise UsageError(f"registers of {self.register_bits} bits are narrower than a DAC of {self.dac_bits}")

    @classmethod
    def of(cls, options: CrossbarOptions) -> Converters:
        """What the user's arrays have; rows get 8 bits where none are said. Raises UsageError for ideal ADCs."""
        if options.adc_bits is None:
            raise UsageError("--form oscillator needs real converters: give --adc-bits")
        if options.dense:
            raise UsageError("--form oscillator maps the SSM kernels alone: leave out --map all")
        return cls(options.weight_bits, options.dac_bits or 8, options.adc_bits)

    @property
    def level(self) -> int:
        """The largest weight."""
        return (1 << (self.weight_bits - 1)) - 1

    @property
    def drive(self) -> int:
        """The largest DAC code."""
        return (1 << (self.dac_bits - 1)) - 1

    @property
    def reading(self) -> int:
        """The largest ADC code."""
        return (1 << (self.adc_bits - 1)) - 1
