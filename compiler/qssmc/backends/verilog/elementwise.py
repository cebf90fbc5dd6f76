"""Elementwise: cells that work on one element at a time, with their parameters, tables and timing."""

from __future__ import annotations

import numpy as np

from qssmc.backends.verilog.cells import CellMaker, Ints
from qssmc.backends.verilog.circuit import Memory, Net, Parameter, Word, pack, signed_width
from qssmc.backends.verilog.rows import digits
from qssmc.backends.verilog.timing import Pipe


class ElementwiseMaker(CellMaker):
    """Adds cells that take an element of each operand and give one."""

    def scale(self, name: str, x: Net, factors: Ints, width: int) -> Net:
        """factor * x, element by element."""
        factor = signed_width(int(factors.min()), int(factors.max()))
        narrow = min(x.width, factor)
        serial = self._serial(x, narrow)
        net = self.net(name, width, x)
        parameters: dict[str, Parameter] = {"XW": x.width, "FW": factor, "OW": width, "N": x.extent}
        parameters |= {"SERIAL": serial, **self.table(factors.tolist(), factor)}
        self.cell(
            "qssm_scale", name, parameters, {"s": (x, x.width)}, {"m": net}, _product(narrow, serial),
            multipliers=0 if serial or x.last else 1, work=0 if serial or x.last else x.extent,
            product=x.width + factor,
        )  # fmt: skip
        return net

    def product(self, name: str, a: Net, b: Net, width: int) -> Net:
        """a * b, element by element."""
        if a.width > b.width:
            a, b = b, a
        serial = self._serial(a, a.width)
        net = self.net(name, width, a)
        parameters: dict[str, Parameter] = {"AW": a.width, "BW": b.width, "OW": width, "SERIAL": serial}
        self.cell(
            "qssm_product", name, parameters, {"a": (a, a.width), "b": (b, b.width)}, {"m": net},
            _product(a.width, serial), multipliers=0 if serial else 1, work=0 if serial else a.extent,
            product=a.width + b.width,
        )  # fmt: skip
        return net

    def offset(self, name: str, x: Net, values: Ints, width: int) -> Net:
        """x + value, element by element."""
        value = signed_width(int(values.min()), int(values.max()))
        net = self.net(name, width, x)
        parameters: dict[str, Parameter] = {"XW": x.width, "VW": value, "OW": width, "N": x.extent}
        parameters |= self.table(values.tolist(), value)
        self.cell("qssm_offset", name, parameters, {"s": (x, x.width)}, {"m": net}, Pipe())
        return net

    def shift(self, name: str, x: Net, amounts: Ints, width: int) -> Net:
        """x * 2^amount, element by element."""
        amount = max(1, int(amounts.max()).bit_length())
        net = self.net(name, width, x)
        parameters: dict[str, Parameter] = {"XW": x.width, "SW": amount, "OW": width, "N": x.extent}
        parameters |= self.table(amounts.tolist(), amount)
        self.cell("qssm_shift", name, parameters, {"s": (x, x.width)}, {"m": net}, Pipe())
        return net

    def add(self, name: str, a: Net, b: Net, width: int, *, subtract: bool = False) -> Net:
        """a + b or a - b."""
        net = self.net(name, width, a)
        parameters: dict[str, Parameter] = {"AW": a.width, "BW": b.width, "OW": width, "SUBTRACT": int(subtract)}
        self.cell("qssm_add", name, parameters, {"a": (a, a.width), "b": (b, b.width)}, {"m": net}, Pipe())
        return net

    def requant(
        self,
        name: str,
        x: Net,
        rows: tuple[Ints, Ints, Ints],
        width: int,
        inner: int,
        phase: tuple[Net, int] | None = None,
    ) -> Net:
        """Rounded and clamped; rows: shift, low and high of each element; inner: bits of the sum before the shift."""
        shift, low, high = rows
        smallest = int(shift.min())
        amount = max(1, (int(shift.max()) - smallest).bit_length())
        words = [
            pack([(int(s) - smallest, amount), (int(least), width), (int(most), width)])
            for s, least, most in zip(shift, low, high, strict=True)
        ]
        net = self.net(name, width, x)
        bits = phase[1] if phase else 1
        parameters: dict[str, Parameter] = {"XW": x.width, "IW": max(inner, x.width), "OW": width, "SW": amount}
        parameters["MIN"] = smallest
        parameters |= {"N": x.extent, "DITHER": int(phase is not None), "PW": bits}
        parameters |= self.table(words, 2 * width + amount)
        inputs = {"s": (x, x.width)} | ({"p": (phase[0], bits)} if phase else {})
        slow = x.last or 3 * x.extent <= self.clocks // 2
        parameters["SLOW"] = int(slow)
        shared = "p" if phase else ""
        timing = Pipe(latency=1, every=3, wait=1, shared=shared) if slow else Pipe(latency=3, shared=shared)
        self.cell("qssm_requant", name, parameters, inputs, {"m": net}, timing, saturates=True)
        return net

    def lut(self, name: str, x: Net, entries: Ints, first: Ints, width: int) -> Net:
        """entries[x - first]; entries: (T,) or (extent, T)."""
        count = entries.shape[-1]
        bits = max(1, (count - 1).bit_length())
        port = max(x.width, signed_width(int(first.min()), int(first.max())), bits + 1)
        split = entries.ndim == 2
        if split:
            padded = np.pad(entries, ((0, 0), (0, (1 << bits) - count)))
            words = padded.ravel().tolist()
        else:
            words = entries.tolist()
        net = self.net(name, width, x)
        parameters: dict[str, Parameter] = {"XW": port, "OW": width, "N": x.extent, "TW": bits, "T": count}
        parameters |= {"SPLIT": int(split), "FILE": Memory(tuple(words), width)}
        if len(set(first.tolist())) == 1:
            parameters |= {"FIXED": 1, "FIRST": Word(int(first[0]), port)}
        else:
            parameters |= {"FIXED": 0, "FIRSTS": Memory(tuple(first.tolist()), port)}
        self.cell("qssm_lut", name, parameters, {"s": (x, port)}, {"m": net}, Pipe(latency=2))
        return net

    def advance(self, name: str, x: Net, step: int, bits: int) -> Net:
        """(x + step) modulo 2^bits."""
        net = self.net(name, bits + 1, x)
        parameters: dict[str, Parameter] = {"W": x.width, "BITS": bits, "STEP": Word(step, bits)}
        self.cell("qssm_advance", name, parameters, {"s": (x, x.width)}, {"m": net}, Pipe())
        return net

    def _serial(self, x: Net, bits: int) -> int:
        """The fewest bits a clock, 1 or 2, at which a multiplication by adding keeps up, or 0 where it does not."""
        return next((a for a in (1, 2) if x.last or x.extent * (digits(bits, a) + 1) <= self.clocks), 0)


def _product(bits: int, serial: int) -> Pipe:
    clocks = digits(bits, serial) + 1
    return Pipe(latency=clocks, every=clocks) if serial else Pipe()
