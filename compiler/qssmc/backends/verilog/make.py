"""Make: adds cells of each kind to a circuit; here those that work on whole vectors."""

from __future__ import annotations

import numpy as np

from qssmc.backends.verilog.cells import Ints
from qssmc.backends.verilog.circuit import Cell, Memory, Net, Parameter, Word, pack, signed_width
from qssmc.backends.verilog.elementwise import ElementwiseMaker
from qssmc.backends.verilog.rows import digits, form_of
from qssmc.backends.verilog.timing import Dot, Gather, Join, NormTiming, Segments, Select, StateTiming, Timing
from qssmc.ir.ops import Normalize

_DOT = 4  # clocks from a group's last beat to its first row, and one more where several elements are summed


class Maker(ElementwiseMaker):
    """Adds cells of every kind."""

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
        """The core of LayerNorm and RMSNorm."""
        eps, frac, largest = op.eps, op.frac, 1 << (x.width - 1)
        needed = (x.extent * x.extent * largest * largest + eps).bit_length() + 1
        bits = max(4, needed + needed % 2)
        net = self.net(name, width, x)
        parameters: dict[str, Parameter] = {"XW": x.width, "OW": width, "N": x.extent, "FRAC": frac, "VW": bits}
        parameters["EPS"] = Word(eps, bits)
        if not op.centred:
            parameters["CENTRED"] = 0
        every, think = frac + 3, 2 + bits // 2 + frac + 1
        timing = NormTiming(0, think, every)
        self.cell("qssm_norm", name, parameters, {"s": (x, x.width)}, {"m": net}, timing, ram=x.extent * x.width)
        return net

    def state(self, name: str, width: int, extent: int, token: Net, has_last: bool) -> tuple[Cell, Net, Net]:
        """A state: its cell, to be given the new value, its old value, and its value at the end of a sequence."""
        old, end = Net(name, width, extent), Net(f"{name}_end", width, extent, True)
        parameters: dict[str, Parameter] = {"W": width, "N": extent, "LAST": int(has_last)}
        outputs = {"m": old, "l": end} if has_last else {"m": old}
        ram = extent * width
        cell = self.cell(
            "qssm_state", name, parameters, {"t": (token, 1)}, outputs, StateTiming(extent + 3, extent), ram=ram
        )
        return cell, old, end
