"""qssm_ssm: the layer engine against a model of a few lines: lanes, ragged heads, state bits by head, dither, clear."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pytest

from dice import Dice, pack, rounded
from module_bench import SEED, hexes, run_module
from qssmc.backends.verilog.engine import DEPTH
from qssmc.backends.verilog.issue_table import IssueTable, issue_table

XW, AW, BW, CW, UW, TW, YW = 9, 7, 5, 5, 6, 24, 22


@dataclass(frozen=True)
class Layer:
    """Coefficients of the states of each head, and what all share."""

    heads: list[list[dict[str, int]]]
    keep: int
    dither: bool

    def run(self, u: list[list[int]], last: list[int], phases: list[int]) -> list[int]:
        """y of every head of every step."""
        found = []
        x: list[list[tuple[int, int]]] = []
        for step, sample in enumerate(u):
            if step == 0 or last[step - 1]:
                x = [[(0, 0)] * len(head) for head in self.heads]
            phase = phases[step] if self.dither else None
            for h, head in enumerate(self.heads):
                x[h] = [self._next(s, re, im, sample[h], phase) for s, (re, im) in zip(head, x[h], strict=True)]
                found.append(sum(s["cr"] * re - s["ci"] * im for s, (re, im) in zip(head, x[h], strict=True)))
        return found

    def _next(self, s: dict[str, int], re: int, im: int, u: int, phase: int | None) -> tuple[int, int]:
        top = (1 << (s["bits"] - 1)) - 1
        by = s["rs"] if self.keep == 2 else s["xs"]
        kept = (re << by, im << by) if self.keep else (0, 0)
        sums = (
            s["ar"] * re - s["ai"] * im + kept[0] + (s["br"] * u << s["bs"]),
            s["ar"] * im + s["ai"] * re + kept[1] + (s["bi"] * u << s["bs"]),
        )
        first, second = (rounded(total, s["rs"], -top, top, phase) for total in sums)
        return first, second


def draw(dice: Dice, counts: list[int], complex_b: bool, bits: list[int]) -> list[list[dict[str, int]]]:
    """Random coefficients; a state has as many bits as its head."""
    return [
        [
            {
                "ar": dice.signed(AW, 1)[0], "ai": dice.signed(AW, 1)[0], "br": dice.signed(BW, 1)[0],
                "bi": dice.signed(BW, 1)[0] if complex_b else 0, "cr": dice.signed(CW, 1)[0],
                "ci": dice.signed(CW, 1)[0], "xs": 6 + dice.random.randint(0, 1), "bs": dice.random.randint(2, 5),
                "rs": 6 + dice.random.randint(0, 1), "bits": bits[h],
            }
            for _ in range(count)
        ]
        for h, count in enumerate(counts)
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("counts", "lanes", "keep", "complex_b", "dither", "ragged_bits"),
    [
        ([3, 1, 4], 1, 1, True, False, False),
        ([3, 0, 5, 2], 2, 1, True, False, True),
        ([9, 4], 4, 0, True, True, False),
        ([5, 3, 1], 3, 2, False, True, True),
        ([1], 1, 1, False, False, False),
        ([12, 9], 8, 2, True, False, True),
        ([5, 6, 1, 3], 4, 2, False, True, True),
        ([3, 3, 1, 1, 5, 0, 7], 2, 1, True, False, False),
    ],
)
def test_layer(
    tmp_path: Path, counts: list[int], lanes: int, keep: int, complex_b: bool, dither: bool, ragged_bits: bool
) -> None:
    dice = Dice(SEED)
    bits = [dice.random.choice([5, 7, 9]) for _ in counts] if ragged_bits else [XW] * len(counts)
    layer = Layer(draw(dice, counts, complex_b, bits), keep, dither)
    last = [0, 0, 0, 1, 0, 1, 1, 0, 0]
    u = [dice.signed(UW, len(counts)) for _ in last]
    phases = dice.between(0, 65535, len(last))
    beats = issue_table(np.repeat(np.arange(len(counts)), counts), len(counts), lanes)
    words, width = words_of(layer.heads, beats, complex_b)
    parameters: dict[str, int | str] = {
        "P": lanes, "UW": UW, "XW": XW, "AW": AW, "BW": BW, "CW": CW, "TW": TW, "YW": YW, "BEATS": len(words),
        "PERIOD": max(DEPTH, len(words)), "QUEUE": 3, "SPLIT": int(beats.split), "KEEP": keep,
        "B_COMPLEX": int(complex_b), "XS_MIN": 6, "XS_W": 1, "BS_MIN": 2, "BS_W": 2, "RS_MIN": 6,
        "RS_W": 1, "CL_TABLE": int(ragged_bits), "CL_MIN": 5,
        "CL_W": 3, "LOW": f"{XW}'h{0x101:x}", "HIGH": f"{XW}'h{0xFF:x}", "DITHER": int(dither), "PW": 16,
        "FILE": "words.mem",
    }  # fmt: skip
    inputs = {"t": (1, last), "s": (UW, [v for sample in u for v in sample])} | ({"p": (16, phases)} if dither else {})
    wanted = layer.run(u, last, phases)
    files = {"words.mem": hexes(words, width)}
    run_module(tmp_path, "qssm_ssm", parameters, inputs, {"m": (YW, wanted)}, files=files)


def lane_bits(complex_b: bool) -> int:
    """Bits of a lane's word."""
    return 1 + 2 + 1 + 3 + 2 * AW + (2 * BW if complex_b else BW) + 2 * CW


def words_of(heads: list[list[dict[str, int]]], beats: IssueTable, complex_b: bool) -> tuple[list[int], int]:
    """The words of the coefficient memory, and their width."""
    states = [state for head in heads for state in head]
    found = []
    for beat, row in enumerate(beats.states):
        lanes = [lane(states[s], complex_b) if s >= 0 else 0 for s in row]
        flags = [int((beat + 1) % beats.count in beats.begins)]
        if beats.split:
            flags += [int(beat in beats.ends), int(beats.ends.count(beat) > 1), *map(int, beats.mine[beat, 1:])]
        found.append(pack([*((word, lane_bits(complex_b)) for word in lanes), *((flag, 1) for flag in flags)]))
    return found, len(beats.states[0]) * lane_bits(complex_b) + len(flags)


def lane(s: dict[str, int], complex_b: bool) -> int:
    """A lane's word."""
    imaginary = [(s["bi"], BW)] if complex_b else []
    return pack(
        [
            (s["xs"] - 6, 1), (s["bs"] - 2, 2), (s["rs"] - 6, 1), (s["bits"] - 5, 3), (s["ar"], AW), (s["ai"], AW),
            (s["br"], BW), *imaginary, (s["cr"], CW), (s["ci"], CW),
        ]
    )  # fmt: skip
