"""Engine: the SSM engine's parameters, its memory of coefficients, a word a beat, and what it costs."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from qssmc.backends.verilog import timing
from qssmc.backends.verilog.circuit import Memory, Parameter, Word, pack, signed_width
from qssmc.backends.verilog.issue_table import Ints, IssueTable, issue_table
from qssmc.backends.verilog.recurrence import Layer, clamp_form

DEPTH = 10  # clocks from a beat to when its new states can be read
_RESULT = 13  # clocks from a head's last beat to its result, and a clock for each level of the lanes' tree
_GONE = 7  # clocks until the result's place is free again

Field = tuple[Ints, int]  # of each state, and its width


@dataclass(frozen=True)
class Engine:
    """What a cell of qssm_ssm is made with. multipliers, work, ram: as of a Cell."""

    parameters: dict[str, Parameter]
    timing: timing.LayerTiming
    multipliers: int
    work: int
    ram: int


def engine(layer: Layer, lanes: int, u_bits: int, y_bits: int, x_bits: int, sum_bits: int) -> Engine:
    """The engine of a layer with so many lanes; bits: of the streams, of a part of a state, and of the sum."""
    beats = issue_table(layer.heads, layer.channels, lanes)
    fields, parameters = _fields(layer, x_bits)
    words, word_bits = _words(fields, beats)
    count, period = beats.count, max(beats.count, DEPTH)
    delay = _RESULT + (lanes - 1).bit_length()
    queue = _results_under_way(beats, period, delay + _GONE)
    parameters = {
        "P": lanes, "UW": u_bits, **parameters, "TW": sum_bits, "YW": y_bits, "BEATS": count, "PERIOD": period,
        "QUEUE": queue, "SPLIT": int(beats.split), "DITHER": int(layer.phase is not None),
        "PW": layer.requant.phase_bits or 1, "FILE": Memory(tuple(words), word_bits),
    }  # fmt: skip
    of_b = 0 if parameters["BW"] == 2 else 2 if parameters["B_COMPLEX"] else 1  # of two bits: wires and an adder
    products = 4 + of_b + 2
    ram = lanes * count * 2 * x_bits + queue * y_bits
    rule = timing.LayerTiming(period, beats.begins, beats.ends, delay)
    return Engine(parameters, rule, products * lanes, products * len(layer.heads), ram)


def _fields(layer: Layer, x_bits: int) -> tuple[list[Field], dict[str, Parameter]]:
    """The columns of a lane's word, lowest first, and the parameters that say how to read it."""
    form = clamp_form(layer)
    assert form is not None
    per_state, bits = form
    complex_b = bool(layer.b[:, 1].any())
    least = int(bits.min()) if per_state else 2
    before = layer.keep is not None and not layer.kept_after
    keep = layer.keep if before and layer.keep is not None else np.zeros_like(layer.shift)
    shifts = {"XS": keep, "BS": layer.raised, "RS": layer.shift}
    parameters: dict[str, Parameter] = {"XW": x_bits, "KEEP": 1 if before else 2 if layer.kept_after else 0}
    fields: list[Field] = []
    for name, amounts in shifts.items():
        above = amounts - amounts.min()
        parameters |= {f"{name}_MIN": int(amounts.min()), f"{name}_W": max(1, int(above.max()).bit_length())}
        fields.append((above, max(1, int(above.max()).bit_length())))
    clamp = bits - least if per_state else bits
    clamp_bits = max(1, int(clamp.max()).bit_length())
    parameters |= {"CL_TABLE": int(per_state), "CL_MIN": least, "CL_W": clamp_bits}
    if not per_state:
        parameters |= {"LOW": Word(int(layer.low[0]), x_bits), "HIGH": Word(int(layer.high[0]), x_bits)}
    fields.append((clamp, clamp_bits))
    for name, table in (("A", layer.a), ("B", layer.b), ("C", layer.c)):
        used = table if name != "B" or complex_b else table[:, :1]
        bits_of = signed_width(int(used.min()), int(used.max()))
        parameters[f"{name}W"] = bits_of
        fields += [(used[:, part], bits_of) for part in range(used.shape[1])]
    return fields, parameters | {"B_COMPLEX": int(complex_b)}


def _words(fields: list[Field], beats: IssueTable) -> tuple[list[int], int]:
    """A word a beat, and the width of all: the lanes' coefficients, and what happens in the beat."""
    lane_bits = sum(width for _, width in fields)
    words = []
    for beat, states in enumerate(beats.states):
        lanes = [pack([(int(column[s]) if s >= 0 else 0, w) for column, w in fields]) for s in states]
        flags = _flags(beats, beat)
        words.append(pack([*((word, lane_bits) for word in lanes), *((flag, 1) for flag in flags)]))
    return words, beats.states.shape[1] * lane_bits + len(_flags(beats, 0))


def _flags(beats: IssueTable, beat: int) -> list[int]:
    """Whether the next beat takes a u and, where any beat holds two heads: whether a head ends in this one, whether
    two do, and which lanes but the first are of a head that begins among them."""
    wants = int((beat + 1) % beats.count in beats.begins)
    if not beats.split:
        return [wants]
    ending = beats.ends.count(beat)
    return [wants, int(ending > 0), int(ending > 1), *(int(lane) for lane in beats.mine[beat, 1:])]


def _results_under_way(beats: IssueTable, period: int, late: int) -> int:
    """The most heads that have begun and whose results have not left, which come so many clocks after a head's end."""
    laps = -(-(period + late) // period)
    begun = [beat + period * lap for lap in range(laps + 1) for beat in beats.begins]
    under_way = (
        sum(first <= beat <= last + late for beat in begun)
        for first, last in zip(beats.begins, beats.ends, strict=True)
    )
    return max(under_way) + 1
