"""`qssmc verify` and `qssmc eval` on a compiled model: passes as compiled, and catches what was broken on purpose."""

from __future__ import annotations

import json
import re
import shutil
from pathlib import Path

import numpy as np
import pytest

from qssmc.cli import main
from qssmc.data import InputFormat, Sequences
from qssmc.evaluation.accuracy import evaluate
from support.tiny import LENGTH, tiny_model


@pytest.fixture(scope="module")
def compiled(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("verify")
    model = str(tiny_model(folder))
    assert main(["-q", "compile", model, "-o", str(folder / "out"), "--prune-loss", "0"]) == 0  # all states stay
    return folder / "out"


@pytest.fixture
def design(compiled: Path, tmp_path: Path) -> Path:
    return Path(shutil.copytree(compiled, tmp_path / "design"))


def fails(folder: Path, code: int, capsys: pytest.CaptureFixture[str]) -> str:
    capsys.readouterr()
    assert main(["-q", "verify", str(folder)]) == code
    return capsys.readouterr().err


def change_first_number(path: Path, array: str) -> None:
    """Add one to the first number of a table."""
    text = path.read_text()
    start = re.search(rf"\w*{array}\w*\[\d+\] = {{\s*\(?(-?\d+)", text)
    assert start, f"no table {array}"
    path.write_text(text[: start.start(1)] + str(int(start[1]) + 1) + text[start.end(1) :])


@pytest.mark.parametrize("cc", ["gcc", "clang"])
def test_compiled_design_passes(compiled: Path, cc: str, capsys: pytest.CaptureFixture[str]) -> None:
    capsys.readouterr()
    assert main(["--json", "verify", str(compiled), "--cc", cc]) == 0
    said = json.loads(capsys.readouterr().out)
    assert said["verified"] is True
    assert (said["sequences"], said["steps"]) == (12, LENGTH)
    assert said["values"] > 12 * LENGTH * said["ops"]


@pytest.mark.parametrize(
    "config", [{"output": "step", "norm": "layer"}, {"n_layers": 2, "mixing": "linear", "d_input": 3}]
)
def test_other_models_pass(config: dict[str, object], tmp_path: Path) -> None:
    model = tiny_model(tmp_path, **config)
    for scheme in ("qssm", "zhao"):
        out = str(tmp_path / scheme)
        assert main(["-q", "compile", str(model), "-o", out, "--scheme", scheme, "--bits", "W4A6"]) == 0
        assert main(["-q", "verify", out]) == 0


def test_changed_table_is_found_and_located(design: Path, capsys: pytest.CaptureFixture[str]) -> None:
    change_first_number(design / "c" / "tiny_tables.h", "encoder_weight")
    error = fails(design, 1, capsys)
    assert "%encoder " in error
    assert "time step 0" in error
    assert re.search(r"expected -?\d+, got -?\d+", error)


@pytest.mark.parametrize(
    ("table", "op", "t"),
    [("lambda_bar_re", "blocks_0_ssm_ax_d", 1), ("decoder_sum_weight", "decoder_sum", LENGTH)],
)
def test_difference_is_named_where_it_first_shows(
    table: str, op: str, t: int, design: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    change_first_number(design / "c" / "tiny_tables.h", table)
    error = fails(design, 1, capsys)
    assert f"diverge first at op %{op} " in error
    assert f"time step {t}, sequence 0, element 0" in error


def test_every_recorded_sequence_is_compared(design: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """A fault that only shows after the last of the sequences, in what a user builds."""
    path = design / "c" / "tiny.c"
    text = path.read_text().replace("void tiny_last(", "static int closed;\n\nvoid tiny_last(")
    path.write_text(text.rstrip().removesuffix("}") + "    out[0] += ++closed == 12;\n}\n")
    error = fails(design, 1, capsys)
    assert re.search(r"as a user builds it \(.*\) does not give the recorded output y: first at \[11, 0\]", error)


@pytest.mark.parametrize("name", ["c/tiny.c", "c/trace/tiny_trace.c"])
def test_traced_source_must_be_the_shipped_one(name: str, design: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """A line that changes no recorded value still tells the two sources apart."""
    path = design / name
    lines = path.read_text().splitlines()
    at = next(n for n, line in enumerate(lines) if line.startswith("void tiny_init("))
    path.write_text("\n".join([*lines[: at + 2], "    s->pool_total[0] = 7;", *lines[at + 2 :]]) + "\n")
    error = fails(design, 1, capsys)
    assert "of tiny.c is not what trace/tiny_trace.c has there without its trace statements" in error


def test_changed_rounding_is_found(design: Path, capsys: pytest.CaptureFixture[str]) -> None:
    changed = 0
    for path in (*(design / "c").glob("*.c"), *(design / "c").glob("*.h")):
        text = path.read_text()
        broken = re.sub(r"(\+ )(\(?1?\d*\)?)( ?\)? ?>> )", r"- \2\3", text)
        changed += text != broken
        path.write_text(broken)
    assert changed
    assert "diverge first at op" in fails(design, 1, capsys)


def test_changed_vectors_are_found(design: Path, capsys: pytest.CaptureFixture[str]) -> None:
    y = np.load(design / "vectors" / "y.npy")
    y.flat[3] += 1
    np.save(design / "vectors" / "y.npy", y)
    assert "recorded output y" in fails(design, 1, capsys)


def test_changed_report_is_found(design: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = design / "report" / "storage.json"
    path.write_text(path.read_text() + " ")
    assert "report/storage.json" in fails(design, 1, capsys)


@pytest.mark.parametrize(
    "name", ["c/layout.json", "c/harness.c", "c/trace/harness.c", "ir/15_prove.ir", "report/certificate.json"]
)
def test_what_the_comparison_rests_on_must_be_as_compiled(
    name: str, design: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    whole = (design / name).read_bytes()
    for content in (b"", b"{}", b"null", b"\xff", whole + b" "):
        (design / name).write_bytes(content)
        assert f"{name} is not what was compiled" in fails(design, 1, capsys)
    (design / name).unlink()
    assert f"{name} is missing" in fails(design, 2, capsys)


def test_a_manifest_that_lists_no_files(design: Path, capsys: pytest.CaptureFixture[str]) -> None:
    manifest = json.loads((design / "manifest.json").read_text())
    (design / "manifest.json").write_text(json.dumps({**manifest, "files": {}}))
    assert "does not list its golden model 'ir/15_prove.ir'" in fails(design, 2, capsys)


@pytest.mark.parametrize(
    ("name", "array"),
    [
        ("samples", np.zeros((12, LENGTH, 1))),
        ("samples", np.zeros((12, LENGTH, 3), int)),
        ("samples", np.zeros((0, LENGTH, 1), int)),
        ("samples", np.full((12, LENGTH, 1), 256)),
        ("y", np.zeros((3, 5), int)),
        ("y", np.array(["a"])),
    ],
)
def test_vectors_that_are_none(name: str, array: np.ndarray, design: Path, capsys: pytest.CaptureFixture[str]) -> None:
    np.save(design / "vectors" / f"{name}.npy", array)
    assert f"{name}.npy" in fails(design, 2, capsys)


def test_code_that_crashes_is_a_finding(design: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = design / "c" / "tiny.c"
    start = path.read_text()
    assert "void tiny_step(" in start
    path.write_text(
        start.replace("void tiny_init(", "#include <signal.h>\nvoid tiny_init(").replace(
            "    memset(s, 0, sizeof *s);", "    memset(s, 0, sizeof *s);\n    raise(SIGSEGV);"
        )
    )
    assert "crashes (SIGSEGV)" in fails(design, 1, capsys)


def test_code_that_no_longer_compiles_is_a_finding(design: Path, capsys: pytest.CaptureFixture[str]) -> None:
    for content in ("{", ""):
        (design / "c" / "tiny.c").write_text(content)
        assert "c/tiny.c is not what was compiled" in fails(design, 1, capsys)


def test_eval_refuses_an_altered_design(design: Path, capsys: pytest.CaptureFixture[str]) -> None:
    change_first_number(design / "c" / "tiny_tables.h", "encoder_weight")
    for engine in ("golden", "c"):
        assert main(["eval", str(design), "--dataset", "digits28", "--engine", engine, "--count", "2"]) == 1
        assert "c/tiny_tables.h is not what was compiled" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("cc", "code"), [("true", 4), ("false", 4), ("echo", 4), ("gcc --no-such-flag", 4), ("   ", 2), ('"gcc', 2)]
)
def test_cc_that_is_no_compiler(
    cc: str, code: int, compiled: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("CC", cc)
    error = fails(compiled, code, capsys)
    assert error.count("\n") == 1
    assert error.startswith("qssmc: error: ")
    assert "/tmp" not in error.replace(str(compiled), "")


def test_missing_compiler_names_the_package(compiled: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["-q", "verify", str(compiled), "--cc", "no-such-cc"]) == 4
    assert "apt-get install" in capsys.readouterr().err


def test_no_compiler_on_path(
    compiled: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("PATH", "/nowhere")
    monkeypatch.delenv("CC", raising=False)
    assert main(["-q", "verify", str(compiled)]) == 4
    assert "gcc cannot be started" in capsys.readouterr().err


def test_folder_that_is_no_design(tmp_path: Path, design: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert "is not a compiled design" in fails(tmp_path, 2, capsys)
    (design / "vectors" / "samples.npy").unlink()
    assert "is not complete" in fails(design, 2, capsys)
    (design / "manifest.json").write_text("{")
    assert "is not JSON" in fails(design, 2, capsys)


def test_engines_agree(compiled: Path) -> None:
    samples = np.random.default_rng(1).integers(0, 256, (40, LENGTH, 1), dtype=np.uint8)
    data = Sequences(samples, np.zeros(40, np.int64), InputFormat(8, 8, False))
    golden, emitted = (evaluate(compiled, engine, data) for engine in ("golden", "c"))
    assert np.array_equal(golden.predictions, emitted.predictions)
    model = evaluate(compiled.parent / "tiny.pt", "torch", data)
    assert (model.predictions == golden.predictions).mean() > 0.9


def test_eval_needs_matching_samples(compiled: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["eval", str(compiled), "--dataset", "digits"]) == 2
    assert "the model takes unsigned 8-bit integers" in capsys.readouterr().err
    assert main(["eval", str(compiled)]) == 2
    assert "--dataset" in capsys.readouterr().err
