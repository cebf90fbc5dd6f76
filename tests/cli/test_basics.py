"""The command line: help without heavy imports, exit codes, JSON, YAML configs, inspect and supported-ops."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import click
import numpy as np
import pytest
import torch

from qssmc import __version__
from qssmc.cli import commands, main
from qssmc.cli.commands import COMMANDS, Entry
from qssmc.cli.config import configurable
from qssmc.cli.output import check_new_file
from qssmc.cli.terminal import Terminal, common_options
from qssmc.data import InputFormat
from qssmc.errors import ToolError, UnsupportedModelError, UsageError, VerificationError
from qssmc.models import Checkpoint, ModelConfig, SequenceModel, save_checkpoint


@click.command()
@configurable
@click.option("--d-model", type=int, default=16)
@click.option("--scheme", type=click.Choice(["zhao", "qssm"]), default="qssm")
@click.option("--bits", "widths", default="W4A6")
@click.option("--lr", type=float, default=1.0)
@click.option("--trace/--no-trace", default=False)
@click.option("--calib", multiple=True)
@click.option("-o", "--out", required=True)
@click.option("--fail")
@common_options
@click.pass_obj
def echo(terminal: Terminal, fail: str | None, **values: object) -> None:
    """Print the options, or fail."""
    kinds = {
        "verification": VerificationError("a differs from b"),
        "usage": UsageError("bits must be 2 to 16, not 99"),
        "unsupported": UnsupportedModelError("torch.nn.LSTM is not supported"),
        "tool": ToolError("gcc is not on PATH: apt-get install gcc"),
        "internal": KeyError("x"),
        "interrupt": KeyboardInterrupt(),
        "extra": ModuleNotFoundError("No module named 'onnx'", name="onnx.helper"),
        "own": ModuleNotFoundError("No module named 'qssmc.x'", name="qssmc.x"),
        "file": PermissionError(13, "Permission denied", "/some/file"),
    }
    if fail:
        raise kinds[fail]
    terminal.note("a note")
    terminal.detail("a detail")
    terminal.result(values, str(values["d_model"]))


@pytest.fixture
def with_echo(monkeypatch: pytest.MonkeyPatch) -> None:
    """A command `echo` beside the others."""
    monkeypatch.setattr(commands, "COMMANDS", (*COMMANDS, Entry("echo", f"{__name__}:echo", "Print the options.")))
    monkeypatch.setitem(sys.modules, __name__, sys.modules[__name__])


def python(code: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)


@pytest.mark.parametrize("arguments", [["--help"], ["--version"], [], ["nonsense"]])
def test_the_frame_of_the_command_line_imports_nothing_heavy(arguments):
    heavy = {"torch", "numpy", "networkx", "sklearn"}
    code = f"import sys; from qssmc.cli import main; main({arguments!r}); print(sorted({heavy!r} & set(sys.modules)))"
    assert python(code).stdout.splitlines()[-1] == "[]"


def test_version_and_help(capsys):
    assert main(["--version"]) == 0
    assert capsys.readouterr().out == f"qssmc {__version__}\n"
    assert main(["--help"]) == 0
    out = capsys.readouterr().out
    assert all(entry.name in out and entry.help in out for entry in COMMANDS)
    assert main([]) == 0
    assert capsys.readouterr().out == out


@pytest.mark.parametrize("entry", COMMANDS, ids=lambda entry: entry.name)
def test_every_command_loads_under_its_name_and_has_help(entry, capsys):
    assert entry.load().name == entry.name
    assert main([entry.name, "--help"]) == 0
    assert "--json" in capsys.readouterr().out


def test_python_m_qssmc_is_the_same_command_line():
    run = subprocess.run([sys.executable, "-m", "qssmc", "--version"], capture_output=True, text=True, check=False)
    assert (run.returncode, run.stdout) == (0, f"qssmc {__version__}\n")


@pytest.mark.parametrize(
    ("fail", "code", "sentence"),
    [
        ("verification", 1, "a differs from b"),
        ("usage", 2, "bits must be 2 to 16, not 99"),
        ("unsupported", 3, "torch.nn.LSTM is not supported"),
        ("tool", 4, "gcc is not on PATH: apt-get install gcc"),
        ("internal", 5, "unexpected KeyError: 'x'; run with -v for the traceback"),
        ("extra", 4, "this needs onnx, which is not installed: pip install 'qssmc[onnx]'"),
        ("own", 5, "unexpected ModuleNotFoundError: No module named 'qssmc.x'; run with -v for the traceback"),
        ("file", 2, "/some/file: Permission denied"),
    ],
)
@pytest.mark.usefixtures("with_echo")
def test_each_kind_of_failure_has_its_exit_code_and_one_sentence(capsys, fail, code, sentence):
    assert main(["echo", "-o", "x", "--fail", fail]) == code
    captured = capsys.readouterr()
    assert (captured.out, captured.err) == ("", f"qssmc: error: {sentence}\n")
    assert main(["--json", "echo", "-o", "x", "--fail", fail]) == code
    captured = capsys.readouterr()
    assert json.loads(captured.out) == {"error": sentence, "exit_code": code}
    assert captured.err == f"qssmc: error: {sentence}\n"


@pytest.mark.usefixtures("with_echo")
def test_verbose_gives_the_traceback(capsys):
    assert main(["echo", "-v", "-o", "x", "--fail", "internal"]) == 5
    err = capsys.readouterr().err
    assert "Traceback" in err
    assert err.endswith("qssmc: error: unexpected KeyError: 'x'\n")


@pytest.mark.usefixtures("with_echo")
def test_an_interruption_is_quiet(capsys):
    assert main(["echo", "-o", "x", "--fail", "interrupt"]) == 130
    assert capsys.readouterr() == ("", "")


@pytest.mark.parametrize(
    ("arguments", "parts"),
    [
        (["ehco"], ["there is no command 'ehco'", "did you mean 'echo'?"]),
        (["quux"], ["there is no command 'quux'", "the commands are "]),
        (["--nope"], ["--nope", "(see: qssmc --help)"]),
        (["echo"], ["Missing option", "--out", "(see: qssmc echo --help)"]),
        (["echo", "-o", "x", "--d-modle", "3"], ["--d-modle", "--d-model"]),
        (["echo", "-o", "x", "--d-model", "many"], ["--d-model", "'many'"]),
        (["echo", "-o", "x", "--scheme", "none"], ["--scheme", "zhao", "qssm"]),
        (["echo", "-o", "x", "surplus"], ["surplus"]),
    ],
)
@pytest.mark.usefixtures("with_echo")
def test_usage_errors_end_in_two_and_one_line(capsys, arguments, parts):
    assert main(arguments) == 2
    captured = capsys.readouterr()
    assert captured.out == ""
    assert captured.err.count("\n") == 1
    assert captured.err.startswith("qssmc: error: ")
    assert all(part in captured.err for part in parts)


@pytest.mark.parametrize("arguments", [["--json", "echo", "-o", "x"], ["echo", "-o", "x", "--json"]])
@pytest.mark.usefixtures("with_echo")
def test_results_go_to_stdout_and_notes_to_stderr(capsys, arguments):
    assert main(arguments) == 0
    captured = capsys.readouterr()
    assert json.loads(captured.out)["d_model"] == 16
    assert captured.err == "a note\n"
    assert main(["-q", "echo", "-o", "x"]) == 0
    assert capsys.readouterr() == ("16\n", "")
    assert main(["echo", "-o", "x", "--verbose"]) == 0
    assert capsys.readouterr() == ("16\n", "a note\na detail\n")


@pytest.mark.parametrize(
    ("arguments", "lines"),
    [(["supported-ops"], 0), (["--json", "supported-ops"], 0), (["--help"], 0), (["--json", "nonsense"], 1)],
)
def test_a_closed_pipe_is_quiet(arguments, lines):
    command = [sys.executable, "-m", "qssmc", *arguments]
    run = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    assert run.stdout is not None
    assert run.stderr is not None
    run.stdout.close()
    assert run.stderr.read().count("\n") == lines
    assert run.wait() == 141


def config(tmp_path: Path, text: str) -> str:
    path = tmp_path / "c.yaml"
    path.write_text(text)
    return str(path)


@pytest.mark.usefixtures("with_echo")
def test_a_config_gives_options_and_flags_win(capsys, tmp_path):
    text = "d_model: 8\nscheme: zhao\nbits: 4\nlr: 1e-2\ntrace: true\ncalib: [a, 3]\nout: o\n"
    assert main(["--json", "echo", "-c", config(tmp_path, text), "--d-model", "4"]) == 0
    wanted = {
        "d_model": 4,
        "scheme": "zhao",
        "widths": "4",
        "lr": 0.01,
        "trace": True,
        "calib": ["a", "3"],
        "out": "o",
    }
    assert json.loads(capsys.readouterr().out) == wanted
    assert main(["--json", "echo", "-o", "p", "--config", config(tmp_path, "d-model: 9\n")]) == 0
    assert json.loads(capsys.readouterr().out)["d_model"] == 9
    assert main(["--json", "echo", "-o", "p", "--config", config(tmp_path, "# nothing\n")]) == 0
    assert json.loads(capsys.readouterr().out)["d_model"] == 16


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("d_modle: 8\n", "c.yaml: unknown key 'd-modle'; did you mean 'd-model'?"),
        ("shceme: zhao\nd_modle: 8\n", "unknown key 'shceme'; did you mean 'scheme'?; unknown key 'd-modle'"),
        ("colour: red\n", "c.yaml: unknown key 'colour'; known are d-model, scheme, bits, lr, trace, calib, out, fail"),
        ("config: other.yaml\n", "unknown key 'config'"),
        ("widths: W4A6\n", "unknown key 'widths'"),
        ("d_model: many\n", "c.yaml: Invalid value for '--d-model': 'many' is not a valid integer"),
        ("d_model: 1.5\n", "c.yaml: Invalid value for '--d-model': '1.5' is not a valid integer"),
        ("d_model: true\n", "'true' is not a valid integer"),
        ("scheme: other\n", "c.yaml: Invalid value for '--scheme': 'other' is not one of 'zhao', 'qssm'"),
        ("trace: 3\n", "c.yaml: trace must be true or false, not 3"),
        ("d_model:\n", "c.yaml: d-model has no value"),
        ("d_model: [1]\n", "c.yaml: d-model must be one value, not a list"),
        ("d_model: {a: 1}\n", "c.yaml: d-model must be one value, not a table"),
        ("d_model: 1\nd-model: 2\n", "c.yaml, line 2: key 'd-model' is given twice"),
        ("d_model: 1\n  scheme: x\n", "c.yaml, line 2: mapping values are not allowed here"),
        ("a: [1\n", "c.yaml, line 2: expected ',' or ']'"),
        ("- 1\n", "c.yaml must be a table of option names and values, not list"),
        ("just text\n", "c.yaml must be a table of option names and values, not str"),
        ("a: !!python/object/apply:os.getcwd []\n", "c.yaml, line 1: could not determine a constructor"),
        ("a: \x00\n", "c.yaml is not a YAML text"),
    ],
)
@pytest.mark.usefixtures("with_echo")
def test_a_faulty_config_is_refused_with_the_file_and_the_fault(capsys, tmp_path, text, message):
    assert main(["echo", "-o", "x", "-c", config(tmp_path, text)]) == 2
    err = capsys.readouterr().err
    assert message in err
    assert err.count("\n") == 1


@pytest.mark.usefixtures("with_echo")
def test_a_config_that_cannot_be_read_is_refused(capsys, tmp_path):
    (tmp_path / "c.yaml").write_bytes(b"\xff\xfe\xfd")
    for name, message in (("absent.yaml", "cannot be read"), (".", "cannot be read"), ("c.yaml", "is not a YAML text")):
        assert main(["echo", "-o", "x", "-c", str(tmp_path / name)]) == 2
        assert message in capsys.readouterr().err


@pytest.fixture
def model(tmp_path: Path) -> Path:
    torch.manual_seed(0)
    tiny = ModelConfig(d_model=4, d_state=3)
    samples = np.arange(32, dtype=np.uint8).reshape(2, 16, 1)
    provenance = {"command": "qssmc train --dataset digits", "test_accuracy": 0.75}
    found = Checkpoint(tiny, SequenceModel(tiny).state_dict(), InputFormat(8, 8, False), 16, samples, provenance)
    save_checkpoint(found, tmp_path / "tiny.pt")
    return tmp_path / "tiny.pt"


def test_inspect_describes_a_checkpoint(capsys, model):
    assert main(["--json", "inspect", str(model)]) == 0
    found = json.loads(capsys.readouterr().out)
    wanted = sum(tensor.numel() for tensor in SequenceModel(ModelConfig(d_model=4, d_state=3)).parameters())
    assert (found["kind"], found["parameters"], found["test_accuracy"]) == ("checkpoint", wanted, 0.75)
    assert found["config"]["d_state"] == 3
    assert found["input"]["range"] == [0, 255]
    assert found["calibration"] == {"sequences": 2, "length": 16, "min": 0, "max": 31}
    assert found["provenance"] == {"command": "qssmc train --dataset digits"}
    assert main(["inspect", str(model)]) == 0
    assert str(wanted) in capsys.readouterr().out


def test_inspect_describes_an_ir_text(capsys, tmp_path):
    text = "graph tiny : integer\n%u : u8[1] = input\n%x : i16[3] = state\n"
    text += "%w : i16[3] = matvec %u weight=@w.weight bias=@w.bias\n%n : i16[3] = add %x %w\nnext %x = %n\n"
    text += "output y : step = %w\ntable @w.weight : int[3,1]\n  1 2 3\ntable @w.bias : int[3]\n  0 0 0\n"
    (tmp_path / "tiny.ir").write_text(text)
    assert main(["--json", "inspect", str(tmp_path / "tiny.ir")]) == 0
    found = json.loads(capsys.readouterr().out)
    assert (found["kind"], found["stage"], found["graph"]) == ("IR", "integer", "tiny")
    assert found["ops"] == {"input": 1, "state": 1, "matvec": 1, "add": 1}
    assert (found["states"], found["state_bits"], found["constants"]) == ({"x": "i16[3]"}, 48, 6)
    assert found["outputs"] == {"y": "i16[3], at every step"}


@pytest.mark.parametrize(
    ("name", "content", "message"),
    [
        ("m.pt", b"nonsense", "m.pt"),
        ("m.pt", b"", "m.pt"),
        ("m.ir", b"graph x\n", "m.ir"),
        ("m.ir", b"graph x : integer\n%u : u8[1] = inputt\noutput y : step = %u\n", "m.ir"),
        ("m.ir", b"graph x : integer\n%u : u8[1] = input\n", "must have an output"),
        ("m.ir", b"graph \xff\n", "m.ir"),
    ],
)
def test_inspect_refuses_what_it_cannot_read(capsys, tmp_path, name, content, message):
    (tmp_path / name).write_bytes(content)
    assert main(["inspect", str(tmp_path / name)]) == 2
    err = capsys.readouterr().err
    assert message in err
    assert err.count("\n") == 1


def test_inspect_refuses_what_is_not_there(capsys, tmp_path):
    assert main(["inspect", str(tmp_path / "absent.pt")]) == 2
    assert "is not a file" in capsys.readouterr().err
    assert main(["inspect", str(tmp_path)]) == 2


def test_supported_ops_lists_every_op_and_module(capsys):
    from qssmc.frontend import SUPPORTED_MODULES
    from qssmc.ir.ops import OPS, STAGES

    assert main(["--json", "supported-ops"]) == 0
    found = json.loads(capsys.readouterr().out)
    assert set(found["ops"]) == {op.mnemonic for op in OPS}
    assert found["ops"]["requant"]["integer"] is True
    assert found["ops"]["requant"]["float"] is False
    assert set(STAGES) <= set(found["ops"]["add"])
    assert SUPPORTED_MODULES.items() <= found["modules"].items()
    assert main(["supported-ops", "--markdown"]) == 0
    rows = capsys.readouterr().out.splitlines()
    assert all(sum(row.startswith(f"| {op.mnemonic} |") for row in rows) >= 1 for op in OPS)


def test_an_output_file_must_be_new_and_its_folder_writable(tmp_path, monkeypatch):
    (tmp_path / "there").write_text("")
    check_new_file(tmp_path / "new" / "deep" / "file", force=False)
    assert not (tmp_path / "new").exists()
    check_new_file(tmp_path / "there", force=True)
    with pytest.raises(UsageError, match="exists; give another name or --force"):
        check_new_file(tmp_path / "there", force=False)
    with pytest.raises(UsageError, match="is a folder"):
        check_new_file(tmp_path, force=True)
    with pytest.raises(UsageError, match="there is not a folder"):
        check_new_file(tmp_path / "there" / "file", force=False)
    monkeypatch.setattr(os, "access", lambda path, mode: False)  # root may write anywhere, so the answer is made up
    with pytest.raises(UsageError, match="cannot be written"):
        check_new_file(tmp_path / "file", force=False)
