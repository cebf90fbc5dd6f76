"""`qssmc compile` with a budget or a sweep: what it writes, and what it refuses in one sentence."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from qssmc.cli import main
from support.tiny import tiny_model


def compile_(model: Path, out: Path, *flags: str) -> int:
    return main(["-q", "compile", str(model), "-o", str(out), "--vectors", "2", *flags])


def test_a_budget_is_met_and_explained(tmp_path: Path) -> None:
    out = tmp_path / "out"
    assert compile_(tiny_model(tmp_path), out, "--budget-bytes", "300", "--states", "2", "--mean-state-bits", "9") == 0
    storage = json.loads((out / "report/storage.json").read_text())
    search_report = json.loads((out / "report/search.json").read_text())
    assert storage["total_bytes"] == search_report["found"]["bytes"] <= 300
    assert search_report["found"]["bits"]["state"] == 9.0
    assert search_report["goal"] == {"budget_bytes": 300}
    notched = {notch["knob"] for notch in search_report["notches"]}
    assert notched == {knob["name"] for knob in search_report["knobs"]} - {"state"}
    table = (out / "report/bits.txt").read_text()
    mixing = next(line for line in table.splitlines() if line.startswith("blocks_0_mixing.weight"))
    assert int(float(mixing.split()[5])) == search_report["found"]["bits"]["blocks_0_mixing.weight"]
    assert "sensitivity" in table.splitlines()[0]
    assert "blocks_0_gate_value" in table
    assert "sensitivity" in (out / "report/bits.svg").read_text()


@pytest.mark.parametrize(
    ("flags", "said"),
    [
        (["--budget-bytes", "10", "--states", "1"], "a budget of 10 bytes cannot be met: the smallest design"),
        (["--budget-bytes", "10", "--saving", "5"], "give one of --budget-bytes, --saving and --min-accuracy"),
        (["--min-accuracy", "90"], "accuracy needs labelled sequences; give --calib DATASET:COUNT"),
        (["--pareto", "--saving", "80"], "--pareto sweeps budgets"),
        (["--pareto"], "accuracy needs labelled sequences"),
        (["--scheduler", "tcp://x:1"], "--jobs and --scheduler are for --pareto"),
        (["--saving", "80", "--scheme", "zhao"], "a search needs --scheme qssm"),
    ],
)
def test_what_cannot_be_is_refused(
    flags: list[str], said: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert compile_(tiny_model(tmp_path), tmp_path / "out", *flags) == 2
    error = capsys.readouterr().err
    assert error.count("\n") == 1
    assert said in error
    assert not (tmp_path / "out").exists()
