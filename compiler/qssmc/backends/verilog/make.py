"""Make: adds cells of each kind to a circuit, with their parameters, tables and timing."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from qssmc.backends.verilog.circuit import Cell, Circuit, Memory, Net, Parameter, Word, pack, signed_width
from qssmc.backends.verilog.rows import digits, form_of
from qssmc.backends.verilog.timing import Dot, Gather, Held, Join, Norm, Pipe, Segments, Select, Timing
from qssmc.ir.ops import Normalize

Ints = NDArray[np.int64]
_DOT = 4  # clocks from a group's last beat to its first row, and one more where several elements are summed


@dataclass
class Maker:
    """Adds cells to a circuit. clocks: what a sample may take, which tells where a serial multiplier is fast enough."""

    circuit: Circuit
    clocks: int
    about: str = ""

    def cell(
        self,
        module: str,
        name: str,
        parameters: dict[str, Parameter],
        inputs: dict[str, tuple[Net, int]],
        outputs: dict[str, Net],
        timing: Timing,
        *,
        multipliers: int = 0,
        work: int = 0,
        product: int = 0,
        ram: int = 0,
        saturates: bool = False,
    ) -> Cell:
        """Append a cell under a free name."""
        taken = {cell.name for cell in self.circuit.cells}
        while name in taken:
            name += "_"
        cell = Cell(
            module, name, self.about, parameters, inputs, outputs, timing, multipliers, work, product, ram, saturates
        )
        self.circuit.cells.append(cell)
        return cell

    def net(self, name: str, width: int, like: Net, extent: int | None = None) -> Net:
        """A net that fires when another does."""
        return Net(name, width, like.extent if extent is None else extent, like.last)

    def table(self, words: Sequence[int], width: int, word: str = "WORD", file: str = "FILE") -> dict[str, Parameter]:
        """The parameters of a word an element: FIXED and a word where all are equal, else a memory."""
        if len({value & ((1 << width) - 1) for value in words}) == 1:
            return {"FIXED": 1, word: Word(words[0], width)}
        return {"FIXED": 0, file: Memory(tuple(words), width)}

    # --- elementwise -------------------------------------------------------------------------------------------------

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

    # --- whole vectors -----------------------------------------------------------------------------------------------

    def constant(self, name: str, values: Ints, width: int, last: bool) -> Net:
        """A vector that is always there."""
        net = Net(name, width, len(values), last)
        parameters: dict[str, Parameter] = {"W": width, "N": len(values), **self.table(values.tolist(), width)}
        self.cell("qssm_const", name, parameters, {}, {"m": net}, Timing())
        return net

    def take(self, name: str, x: Net, indices: Ints) -> Net:
        """Elements of a vector at indices."""
        extent = len(indices)
        if np.array_equal(indices, np.arange(x.extent)):
            return x
        net = self.net(name, x.width, x, extent)
        if (np.diff(indices) > 0).all():
            mask = np.zeros(x.extent, bool)
            mask[indices] = True
            parameters: dict[str, Parameter] = {"W": x.width, "N": x.extent}
            parameters["MASK"] = Word(pack([(int(bit), 1) for bit in mask]), x.extent)
            timing: Timing = Select(mask=tuple(mask.tolist()))
            self.cell("qssm_select", name, parameters, {"s": (x, x.width)}, {"m": net}, timing)
            return net
        bits = max(1, (x.extent - 1).bit_length())
        parameters = {"W": x.width, "IN": x.extent, "OUT": extent, "FILE": Memory(tuple(indices.tolist()), bits)}
        ram = (2 << bits) * x.width
        self.cell("qssm_gather", name, parameters, {"s": (x, x.width)}, {"m": net}, Gather(extent, extent), ram=ram)
        return net

    def concat(self, name: str, a: Net, b: Net) -> Net:
        """All of a, then all of b."""
        width = max(a.width, b.width)
        net = self.net(name, width, a, a.extent + b.extent)
        parameters: dict[str, Parameter] = {"AW": a.width, "BW": b.width, "OW": width, "NA": a.extent, "NB": b.extent}
        self.cell("qssm_concat", name, parameters, {"a": (a, a.width), "b": (b, b.width)}, {"m": net}, Join(net.extent))
        return net

    def segment(self, name: str, x: Net, counts: Ints, width: int) -> Net:
        """Sums of runs of elements."""
        bits = max(1, int(counts.max()).bit_length())
        net = self.net(name, width, x, len(counts))
        parameters: dict[str, Parameter] = {"XW": x.width, "OW": width, "N": len(counts), "CW": bits}
        parameters |= self.table(counts.tolist(), bits)
        timing = Segments(max(x.extent, len(counts)), tuple(counts.tolist()))
        self.cell("qssm_segment", name, parameters, {"s": (x, x.width)}, {"m": net}, timing)
        return net

    def dot(self, name: str, x: Net, weight: Ints, bias: Ints, width: int) -> Net:
        """weight @ x + bias. weight: (out, in)."""
        out, extent = weight.shape
        form = form_of(x, out, self.clocks)
        serial, rows, elements = form.serial, form.rows, form.elements
        groups, steps = -(-out // rows), extent // elements
        bits = [signed_width(int(t.min()), int(t.max())) for t in (weight, bias)]
        padded = np.zeros((groups * rows, extent), np.int64)
        padded[:out] = weight
        blocks = padded.reshape(groups, rows, steps, elements).transpose(0, 2, 1, 3).reshape(groups * steps, -1)
        weights = [pack([(int(w), bits[0]) for w in block]) for block in blocks]
        beats = steps * digits(x.width, serial)
        net = self.net(name, width, x, out)
        parameters: dict[str, Parameter] = {
            "XW": x.width, "WW": bits[0], "BW": bits[1], "OW": width, "IN": extent, "OUT": out, "M": rows,
            "K": elements, "SERIAL": serial, "WEIGHTS": Memory(tuple(weights), rows * elements * bits[0]),
        }  # fmt: skip
        parameters |= self.table(bias.tolist(), bits[1], "BIAS", "BIASES")
        timing = Dot(max(groups * beats, extent), beats, out, rows, _DOT + int(elements > 1))
        ram = elements * (2 << max(1, (steps - 1).bit_length())) * x.width
        self.cell(
            "qssm_dot", name, parameters, {"s": (x, x.width)}, {"m": net}, timing,
            multipliers=form.multipliers, work=0 if serial else out * extent,
            product=x.width + bits[0], ram=ram,
        )  # fmt: skip
        return net

    def argmax(self, name: str, x: Net) -> Net:
        """The index of the largest element, of equal ones the first."""
        width = signed_width(0, x.extent - 1)
        net = self.net(name, width, x, 1)
        parameters: dict[str, Parameter] = {"W": x.width, "N": x.extent, "OW": width}
        timing = Segments(x.extent, (x.extent,))
        self.cell("qssm_argmax", name, parameters, {"s": (x, x.width)}, {"m": net}, timing)
        return net

    def norm(self, name: str, x: Net, op: Normalize, width: int) -> Net:
        """The core of LayerNorm."""
        eps, frac, largest = op.eps, op.frac, 1 << (x.width - 1)
        needed = (x.extent * x.extent * largest * largest + eps).bit_length() + 1
        bits = max(4, needed + needed % 2)
        net = self.net(name, width, x)
        parameters: dict[str, Parameter] = {"XW": x.width, "OW": width, "N": x.extent, "FRAC": frac, "VW": bits}
        parameters["EPS"] = Word(eps, bits)
        if not op.centred:
            parameters["CENTRED"] = 0
        every, think = frac + 3, 2 + bits // 2 + frac + 1
        timing = Norm(0, think, every)
        self.cell("qssm_norm", name, parameters, {"s": (x, x.width)}, {"m": net}, timing, ram=x.extent * x.width)
        return net

    def state(self, name: str, width: int, extent: int, token: Net, has_last: bool) -> tuple[Cell, Net, Net]:
        """A state: its cell, to be given the new value, its old value, and its value at the end of a sequence."""
        old, end = Net(name, width, extent), Net(f"{name}_end", width, extent, True)
        parameters: dict[str, Parameter] = {"W": width, "N": extent, "LAST": int(has_last)}
        outputs = {"m": old, "l": end} if has_last else {"m": old}
        ram = extent * width
        cell = self.cell("qssm_state", name, parameters, {"t": (token, 1)}, outputs, Held(extent + 3, extent), ram=ram)
        return cell, old, end

    # --- how many clocks ---------------------------------------------------------------------------------------------

    def _serial(self, x: Net, bits: int) -> int:
        """The fewest bits a clock, 1 or 2, at which a multiplication by adding keeps up, or 0 where it does not."""
        return next((a for a in (1, 2) if x.last or x.extent * (digits(bits, a) + 1) <= self.clocks), 0)


def _product(bits: int, serial: int) -> Pipe:
    clocks = digits(bits, serial) + 1
    return Pipe(latency=clocks, every=clocks) if serial else Pipe()
