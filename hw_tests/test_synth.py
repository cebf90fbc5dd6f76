"""Synthesis of a small core, in a folder named from here: the report is written, also where a clock is missed."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest

from cores import write
from module_bench import SEED
from qssmc.artifact.manifest import MANIFEST, with_manifest
from qssmc.ir import Builder, Graph, Table, Type
from qssmc.ir.ops import Matvec, Requant
from qssmc.passes.prove import prove
from qssmc.synth import synthesise
from qssmc.synth.tools import Program


def product() -> Graph:
    """Little that needs a multiplier: a matrix times a vector, rounded."""
    random = np.random.default_rng(SEED)
    b = Builder("small", "integer")
    u = b.input("u", Type((3,), 6))
    weight = Table.integer(random.integers(-30, 30, (4, 3)))
    y = b.add(Matvec(weight=weight, bias=Table.integer([1, 2, 3, 4])), "y", u)
    low, high = Table.integer(-31), Table.integer(31)
    q = b.add(Requant(multiplier=Table.integer(1), shift=Table.integer(5), low=low, high=high), "q", y)
    b.output("out", q, "step")
    return prove(b.graph())


def design(folder: Path) -> None:
    """A compiled folder, as far as synthesis reads it."""
    write(product(), folder)
    (folder / "vectors").mkdir()
    np.save(folder / "vectors" / "samples.npy", np.zeros((1, 6, 3), np.int8))
    (folder / MANIFEST).write_bytes(with_manifest({}, {})[MANIFEST])


@pytest.mark.tool("yosys")
@pytest.mark.tool("nextpnr-ice40")
@pytest.mark.tool("icepack")
def test_a_clock_that_is_missed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    design(tmp_path / "small")
    said: list[str] = []
    start = Program.run
    monkeypatch.setattr(Program, "run", lambda *given: said.extend(given[1]) or start(*given))
    made = synthesise(Path("small"), "icebreaker", tools="native", clock=500)
    facts = json.loads((tmp_path / "small/verilog/design.json").read_text())
    report = json.loads((tmp_path / "small/synth/report.json").read_text())
    assert any("netlist.json" in word for word in said)
    assert not any(str(tmp_path) in word for word in said), "yowasp programs have a /tmp of their own"
    assert report == made.report
    assert made.fault is not None
    assert made.fault.endswith("MHz on icebreaker, not the 500 MHz asked for")
    assert report["at_clock"]["steps_per_second"] == 500_000_000 // facts["expected"]["interval"]
    assert 0 < report["found"]["dsp"] == report["utilisation"]["multipliers"]["used"] <= 8
    assert report["utilisation"]["logic cells"]["used"] >= report["found"]["lut"] > 0
    assert 0 < report["critical_path"]["ns"] <= 1000 / report["fmax_mhz"] + 0.5
    assert (tmp_path / "small/synth" / f"{report['design']}.bin").stat().st_size > 10_000
