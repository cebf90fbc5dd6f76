"""Frama-C's Eva on emitted C: no alarm and ranges within the certificate's, and alarms where something is wrong."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from qssmc.errors import ToolError
from qssmc.ir import Graph, parse
from qssmc.passes.prove import prove
from qssmc.proof.c_source import read_source
from qssmc.proof.eva import EvaResult, analyse
from support.emitted import write
from support.graphs import random_s4d
from support.one_op import one_op

needs_frama_c = pytest.mark.skipif(
    shutil.which("frama-c") is None, reason="Frama-C, which only `qssmc prove --eva` uses, is not installed"
)
SMALL = """
graph small : integer
%u : i4[2] = input
%m : i64[2] = matvec %u weight=@m.weight bias=@m.bias
%x : i64[2] = state
%s : i64[2] = add %x %m
%n : i64[2] = requant %s multiplier=1 shift=3 low=-8 high=7
%y : i64[2] = lut %n entries=@y.entries first=-8
next %x = %n
output y : step = %y
table @m.weight : int[2,2]
  100 -90
  70 120
table @m.bias : int[2]
  1000 -1000
table @y.entries : int[16]
  1 2 3 4 5 6 7 8 9 10 11 12 13 14 15 16
"""
MUTANTS = {
    "a narrowed sum": ("small.c", "const int16_t n_sum_i = (int16_t)(", "const int8_t n_sum_i = (int8_t)("),
    "no clamp": ("small.c", "qssm_clamp_i16(n_rounded_i, -8, 7)", "n_rounded_i"),
    "an index too far": ("small.c", "s->x[i] + 8", "s->x[i] + 9"),
    "a larger entry": ("small_tables.h", "15, 16,", "15, 17,"),
    "a larger bias": ("small_tables.h", "1000, -1000,", "32000, -1000,"),
}


def looked_at(graph: Graph, folder: Path) -> EvaResult:
    return analyse(graph, read_source(folder / f"{graph.name}.c"), folder, 120.0)


@needs_frama_c
def test_emitted_c_raises_no_alarm(tmp_path: Path) -> None:
    small = prove(parse(SMALL))
    found = looked_at(small, write(small, tmp_path / "small"))
    assert (found.clean, found.inside) == (True, 4)
    model = random_s4d([2, 2], dither=True, d_output=2, state_bits=8)
    assert looked_at(model, write(model, tmp_path / "model")).clean


@needs_frama_c
def test_the_range_of_a_norm_is_taken_and_counted(tmp_path: Path) -> None:
    graph = one_op("normalize", 5)
    found = looked_at(graph, write(graph, tmp_path))
    assert found.clean
    assert found.taken == graph["y"].type.shape[0]


@needs_frama_c
@pytest.mark.parametrize("what", MUTANTS)
def test_what_is_wrong_raises_an_alarm_or_leaves_its_range(what: str, tmp_path: Path) -> None:
    small = prove(parse(SMALL))
    folder = write(small, tmp_path)
    name, old, new = MUTANTS[what]
    assert old in (folder / name).read_text()
    (folder / name).write_text((folder / name).read_text().replace(old, new))
    found = looked_at(small, folder)
    assert not found.clean
    if what == "a larger entry":
        assert (found.alarms, found.inside) == ((), 2)
        assert len(found.outside) == 2
    else:
        assert found.alarms
        assert found.alarms[0].startswith("small.c:")


def test_a_missing_frama_c_is_told(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    small = prove(parse(SMALL))
    folder = write(small, tmp_path)
    source = read_source(folder / "small.c")
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(ToolError, match="apt-get install frama-c-base"):
        analyse(small, source, folder, 60.0)
