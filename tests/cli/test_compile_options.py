"""The options of `qssmc compile`: made from one record, in groups, each said once and each taken."""

from __future__ import annotations

import re
from dataclasses import fields
from pathlib import Path

import pytest

from qssmc.cli import main
from qssmc.cli.compile import compile_
from qssmc.crossbar.options import CrossbarOptions
from qssmc.driver.options import choices, elsewhere, make_options
from qssmc.errors import UsageError
from support.tiny import tiny_model


def test_every_option_is_in_the_help_once_under_a_title(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["compile", "--help"]) == 0
    text = capsys.readouterr().out
    titles = re.findall(r"^(\w[\w ]*):$", text, re.MULTILINE)
    assert titles == [
        "Output",
        "Model and data",
        "Bits",
        "Methods",
        "Search",
        "HLS and Verilog",
        "HLS",
        "Verilog",
        "Crossbar",
        "Sweep",
        "General",
    ]
    for choice in choices():
        assert len(re.findall(rf"^  (?:-\w, )?{choice.flag}(?![-\w])", text, re.MULTILINE)) == 1, choice.flag
    assert "--weight-bits" not in text


def test_every_field_of_a_record_is_an_option() -> None:
    places = {place for choice in choices() for place in choice.places}
    assert {("crossbar", field.name) for field in fields(CrossbarOptions)} <= places
    assert {("verilog", "pace.steps_per_second"), ("verilog", "pace.clock_period"), ("hls", "clock_period")} <= places


@pytest.mark.parametrize("target", ["hls,verilog", "crossbar"])
def test_defaults_that_the_help_tells_are_the_ones_taken(target: str, tmp_path: Path) -> None:
    model = tiny_model(tmp_path)
    taken = {choice.keyword: choice for choice in choices() if choice.shown and choice.kind is not bool}
    taken = {name: choice for name, choice in taken.items() if name not in elsewhere(taken, target.split(","))}
    told = [f"--target={target}", *(f"{choice.flag}={choice.shown}" for choice in taken.values())]
    told = [flag for flag in told if not re.search(r"zhao|trained|brings|the model|the next|a warning", flag)]
    assert len(told) > 10
    assert main(["-q", "compile", str(model), "-o", str(tmp_path / "plain"), told[0]]) == 0
    assert main(["-q", "compile", str(model), "-o", str(tmp_path / "told"), *told]) == 0
    assert (tmp_path / "plain" / "manifest.json").read_bytes() == (tmp_path / "told" / "manifest.json").read_bytes()


def test_bits_of_cells_have_a_name_of_their_own_and_the_old_flag_is_taken(tmp_path: Path) -> None:
    model = tiny_model(tmp_path)
    for number, flag in enumerate(("--cell-bits", "--weight-bits")):
        flags = ["--target", "crossbar", "--vectors", "2", flag, "6"]
        assert main(["-q", "compile", str(model), "-o", str(tmp_path / str(number)), *flags]) == 0
    assert (tmp_path / "0" / "manifest.json").read_bytes() == (tmp_path / "1" / "manifest.json").read_bytes()


def test_one_value_goes_to_both_targets_that_share_an_option() -> None:
    options = make_options({"lanes": 4, "clock_period": 8})
    assert (options.targets["hls"].lanes, options.targets["verilog"].lanes) == (4, 4)
    assert options.targets["hls"].clock_period == 8.0
    assert options.targets["verilog"].pace is None
    pace = make_options({"steps_per_second": 1000, "clock_period": 8}).targets["verilog"].pace
    assert (pace.steps_per_second, pace.clock_period) == (1000.0, 8.0)


def test_texts_and_values_are_taken_alike() -> None:
    for given in ({"array": "32x16", "adc_bits": 6, "map": "all"}, {"array": (32, 16), "adc_bits": "6", "map": True}):
        options = make_options(given).targets["crossbar"]
        assert (options.size, options.adc_bits, options.dense) == ((32, 16), 6, True)
    assert make_options({"dac_bits": "ideal", "adc_bits": "ideal"}).targets["crossbar"].adc_bits is None


def test_unknown_and_wrong_values_are_said() -> None:
    with pytest.raises(UsageError, match="there is no option weight_bits; did you mean "):
        make_options({"weight_bits": 4})
    with pytest.raises(UsageError, match="--map must be one of ssm, all, not 'some'"):
        make_options({"map": "some"})
    with pytest.raises(UsageError, match="--array must be ROWSxCOLUMNS"):
        make_options({"array": "64"})


def test_click_makes_no_option_twice() -> None:
    names = [param.name for param in compile_.params]
    assert len(names) == len(set(names))


def test_a_target_judges_its_own_options_alone() -> None:
    assert make_options({"lanes": 100}, ["hls"]).targets["hls"].lanes == 100
    with pytest.raises(UsageError, match="--lanes must be 1 to 64, not 100"):
        make_options({"lanes": 100}, ["verilog"])
