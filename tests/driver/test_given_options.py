"""Options that cannot have an effect are refused, and each value is checked in Python as on the command line."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

import qssmc
from qssmc.cli import main
from qssmc.errors import UsageError
from support.tiny import tiny_model


@pytest.mark.parametrize("sequences", [-1, 0, "a", 1.5, True])
def test_verify_refuses_a_number_of_sequences_that_is_none(sequences: Any, tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="sequences must be a whole number of at least 1"):
        qssmc.verify(tmp_path, sequences=sequences)


@pytest.mark.parametrize(
    ("options", "said"),
    [
        ({"lanes": 0}, "--lanes is an option of --target hls and verilog"),
        ({"multipliers": 3}, "--multipliers is an option of --target verilog"),
        ({"target": ("c", "hls"), "array": "8x8"}, "--array is an option of --target crossbar"),
        ({"scheme": "zhao", "dither": True}, "takes no --dither"),
        ({"scheme": "zhao", "a_form": "increment"}, "takes no --a-form"),
    ],
)
def test_an_option_without_effect_is_refused(options: dict[str, Any], said: str, tmp_path: Path) -> None:
    with pytest.raises(UsageError, match=said):
        qssmc.compile(tiny_model(tmp_path), **options)


def test_a_config_file_may_hold_options_of_other_targets(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "all.yaml").write_text("multipliers: 3\nvectors: 1\n")
    arguments = ["compile", str(tiny_model(tmp_path)), "-o", str(tmp_path / "out")]
    assert main([*arguments, "-c", str(tmp_path / "all.yaml")]) == 0
    assert "multipliers of other targets than c: not used" in " ".join(capsys.readouterr().err.split())
    assert main([*arguments, "--multipliers", "3", "--force"]) == 2
    assert "--multipliers is an option of --target verilog" in capsys.readouterr().err


def test_points_without_a_sweep_are_refused(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["compile", str(tiny_model(tmp_path)), "-o", str(tmp_path / "out"), "--points", "3"]) == 2
    assert "--points, --jobs and --scheduler are for --pareto" in capsys.readouterr().err
