"""`qssmc opt`: pass by pass the text that `qssmc compile` writes, and one sentence for what cannot be done."""

from __future__ import annotations

import io
import json
import sys
from itertools import pairwise
from pathlib import Path

import pytest

from qssmc.cli import main
from qssmc.ir import parse
from qssmc.passes.pipeline import PASSES
from support.tiny import LENGTH, tiny_model

RELU = """graph t : discrete
%u : f64[1] = input
%r : f64[1] = activation %u kind=relu
output y : step = %r
range %u : real[7,1]
  -1.0 1.0 -1.0 1.0 -1.0 1.0 0.5
range %r : real[7,1]
  0.0 1.0 0.0 1.0 0.0 1.0 0.5
"""
DESIGNS = {
    "c": ["--target", "c", "--heads", "3", "--channels", "3"],
    "crossbar": ["--target", "crossbar"],
    "oscillator": ["--target", "crossbar", "--form", "oscillator"],
    "zhao": ["--target", "c", "--scheme", "zhao", "--no-dither"],
}


@pytest.fixture(scope="module")
def designs(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder a kind of design; vectors/samples.npy holds all that they were calibrated on."""
    folder = tmp_path_factory.mktemp("opt")
    model = str(tiny_model(folder))
    for name, flags in DESIGNS.items():
        assert main(["-q", "compile", model, *flags, "-o", str(folder / name)]) == 0
    return folder


@pytest.fixture
def relu(tmp_path: Path) -> Path:
    path = tmp_path / "relu.ir"
    path.write_text(RELU)
    return path


def stages(design: Path) -> list[tuple[str, Path]]:
    """The names and texts of a design's stages, in order."""
    return [(path.stem.partition("_")[2], path) for path in sorted((design / "ir").glob("*.ir"))]


def flags_of(design: Path) -> list[str]:
    """What makes opt do as the compilation of a design did."""
    known = {"--target", "crossbar", "c"}
    flags = [flag for flag in DESIGNS[design.name] if flag not in known]
    return ["--calib", str(design / "vectors" / "samples.npy"), "--max-steps", str(4 * LENGTH), *flags]


@pytest.mark.parametrize("name", DESIGNS)
def test_all_passes_in_a_row_give_the_text_of_the_design(
    designs: Path, name: str, capsys: pytest.CaptureFixture[str]
) -> None:
    (_, first), *rest = stages(designs / name)
    names = ",".join(stage for stage, _ in rest)
    assert main(["-q", "opt", str(first), "-p", names, *flags_of(designs / name)]) == 0
    assert capsys.readouterr().out == rest[-1][1].read_text()


@pytest.mark.parametrize("name", DESIGNS)
def test_each_pass_alone_gives_the_next_text(designs: Path, name: str, tmp_path: Path) -> None:
    found = stages(designs / name)
    behind = {"refit": "float", "convert": "fuse", "oscillate": "prune_states"}
    for (_, before), (stage, after) in pairwise(found):
        flags = flags_of(designs / name)
        if stage in behind:
            flags += ["--reference", str(next(path for known, path in found if known == behind[stage]))]
        out = tmp_path / f"{stage}.ir"
        assert main(["-q", "opt", str(before), "-p", stage, *flags, "-o", str(out)]) == 0, stage
        assert out.read_text() == after.read_text(), stage


def test_the_designs_take_every_pass(designs: Path) -> None:
    taken = {stage for name in DESIGNS for stage, _ in stages(designs / name)[1:]}
    assert taken | {"assign"} == {one.name for one in PASSES}


def test_the_stages_that_are_listed_are_those_of_the_texts(designs: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["--json", "opt", "--list"]) == 0
    rows = {row["name"]: row for row in json.loads(capsys.readouterr().out)["passes"]}
    for name in DESIGNS:
        found = [(stage, parse(path.read_text()).stage) for stage, path in stages(designs / name)]
        for (_, before), (stage, after) in pairwise(found):
            assert (rows[stage]["before"], rows[stage]["after"]) == (before, after)
    assert all(row["reason"] for row in rows.values())
    assert main(["opt", "--list"]) == 0
    assert "place_poles" in capsys.readouterr().out


@pytest.mark.parametrize("name", [one.name for one in PASSES])
def test_every_pass_on_every_graph_gives_a_graph_or_a_sentence(
    designs: Path, name: str, capsys: pytest.CaptureFixture[str]
) -> None:
    """Without any option but data: no pass may end in anything but IR text or exit code 2 or 3."""
    design = designs / "crossbar"
    codes = set()
    for stage, path in stages(design):
        code = main(["-q", "opt", str(path), "-p", name, "--calib", str(design / "vectors" / "samples.npy")])
        out, err = capsys.readouterr()
        codes.add(code)
        assert code in (0, 2, 3), (stage, err)
        assert (parse(out).ops and not err) if code == 0 else err.count("\n") == 1, (stage, err)
    assert 2 in codes


def test_text_comes_from_stdin_and_bits_are_set(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sys, "stdin", io.StringIO(RELU))
    assert main(["-q", "opt", "-", "-p", "assign,quantise", "--set", "r=5", "--input-format", "s8.7"]) == 0
    assert "%r_q : f64[1] = cast %r scale=0.0625 low=0 high=31" in capsys.readouterr().out


def test_json_holds_the_text(relu: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["--json", "opt", str(relu), "-p", "quantise", "--input-format", "s8.7"]) == 0
    found = json.loads(capsys.readouterr().out)
    assert (found["stage"], found["ops"]) == ("quantised", 4)
    assert found["ir"].startswith("graph t : quantised\n")


def test_a_file_is_replaced_only_by_force(relu: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    command = ["-q", "opt", str(relu), "-p", "balance", "-o", str(tmp_path / "new" / "out.ir")]
    assert main(command) == 0
    assert main(command) == 2
    assert "exists; give another name or --force" in capsys.readouterr().err
    assert main([*command, "--force"]) == 0
    assert parse((tmp_path / "new" / "out.ir").read_text()) == parse(RELU)


@pytest.mark.parametrize(
    ("flags", "sentence"),
    [
        (["-p", "quantize"], "there is no pass 'quantize'; did you mean quantise?"),
        (["-p", "zzz"], "there is no pass 'zzz'; the passes are canonicalise, discretize"),
        (["-p", ""], "there is no pass ''"),
        (
            ["-p", "prove"],
            "pass prove takes a graph of stage integer, not discrete; discrete graphs are taken by",
        ),
        (["-p", "quantise"], "pass quantise needs the format of the samples; give --input-format"),
        (["-p", "calibrate"], "pass calibrate needs calibration sequences; give --calib FILE.npy"),
        (["-p", "clip", "--calib", "mnist:4"], "--calib must be FILE.npy here, not mnist:4"),
        (["-p", "clip", "--calib", "gone.npy", "--input-format", "s8.7"], "gone.npy cannot be read"),
        (["-p", "quantise", "--input-format", "8.8"], "--input-format must be u or s, bits, a point"),
        (["-p", "quantise", "--input-format", "u99.8"], "input format must have a width of 1 to 32 bits"),
        (["-p", "prune_heads"], "pass prune_heads needs a number; give --heads"),
        (["-p", "assign"], "pass assign needs bits; give --set NAME=BITS"),
        (["-p", "assign", "--set", "r"], "--set must be NAME=BITS"),
        (["-p", "assign", "--set", "r=99"], "bits of r must be 2 to 16, not 99"),
        ([], "give FILE and -p NAME,NAME, or --list"),
        (["-p", "balance", "--reference", "gone.ir"], "gone.ir cannot be read"),
    ],
)
def test_what_cannot_be_done_is_one_sentence(
    relu: Path, flags: list[str], sentence: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["-q", "opt", str(relu), *flags]) == 2
    out, err = capsys.readouterr()
    assert sentence in err
    assert (err.count("\n"), out) == (1, "")


def test_bits_of_poles_are_asked_for(designs: Path, capsys: pytest.CaptureFixture[str]) -> None:
    filled = next(path for stage, path in stages(designs / "c") if stage == "fill")
    assert main(["-q", "opt", str(filled), "-p", "place_poles", *flags_of(designs / "c")]) == 2
    assert "needs the bits of the poles, which allocate notes; put it before" in capsys.readouterr().err


def test_a_graph_that_no_pass_before_has_prepared_is_refused(designs: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (_, float_), *_ = stages(designs / "c")
    assert main(["-q", "opt", str(float_), "-p", "discretize"]) == 2
    assert "pass discretize cannot take this graph" in capsys.readouterr().err


def test_ranges_are_asked_for(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = tmp_path / "bare.ir"
    path.write_text(RELU.partition("range")[0])
    assert main(["opt", str(path), "-p", "balance"]) == 2
    assert "pass balance needs ranges in the graph, which calibrate notes; put it before" in capsys.readouterr().err


@pytest.mark.parametrize(
    "text", ["", "graph t : discrete\n%u : f64[1] = nonsense\n", RELU.replace("%r\n", "%q\n"), "\0"]
)
def test_malformed_text_is_one_sentence(tmp_path: Path, text: str, capsys: pytest.CaptureFixture[str]) -> None:
    path = tmp_path / "bad.ir"
    path.write_text(text)
    assert main(["opt", str(path), "-p", "balance"]) == 2
    err = capsys.readouterr().err
    assert str(path) in err
    assert err.count("\n") == 1


def test_bytes_that_are_no_text_and_folders_are_one_sentence(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "bytes.ir").write_bytes(b"graph \xff")
    for path in (tmp_path / "bytes.ir", tmp_path, tmp_path / "gone.ir"):
        assert main(["opt", str(path), "-p", "balance"]) == 2
        assert capsys.readouterr().err.count("\n") == 1


def test_a_pass_that_learns_from_the_float_graph_asks_for_it(designs: Path, capsys: pytest.CaptureFixture[str]) -> None:
    design = designs / "c"
    quantised = next(path for stage, path in stages(design) if stage == "quantise")
    assert main(["-q", "opt", str(quantised), "-p", "refit", *flags_of(design)]) == 2
    assert "pass refit needs the float or discrete graph that this one came from" in capsys.readouterr().err
