"""Readers take regular files alone, of a text's size, and bits are set of what a graph has."""

from __future__ import annotations

from pathlib import Path

import pytest

from qssmc import regular_file
from qssmc.cli import main
from support.tiny import tiny_model

RELU = "graph t : discrete\n%u : f64[1] = input\n%r : f64[1] = activation %u kind=relu\noutput y : step = %r\n"


@pytest.mark.parametrize(
    "arguments",
    [
        ("opt", "/dev/zero", "-p", "fuse"),
        ("compile", "MODEL", "-o", "out", "-c", "/dev/zero"),
        ("compile", "MODEL", "-o", "out", "--calib", "zero.npy"),
        ("compile", "zero.pt", "-o", "out"),
        ("compile", "zero.onnx", "-o", "out"),
        ("compile", "zero.qssm", "-o", "out"),
    ],
)
def test_a_device_is_not_read(
    arguments: tuple[str, ...], tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    model = str(tiny_model(tmp_path))
    for ending in ("npy", "pt", "onnx", "qssm"):
        Path(f"zero.{ending}").symlink_to("/dev/zero")
    assert main(["-q", *(model if one == "MODEL" else one for one in arguments)]) == 2
    said = capsys.readouterr().err
    assert "is not a regular file" in said or "is not a file; give a .pt, .safetensors, .onnx or .qssm" in said


def test_a_text_of_absurd_size_is_not_read(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "a.ir").write_text(RELU)
    monkeypatch.setattr(regular_file, "TEXT_BYTES", 10)
    assert main(["-q", "opt", str(tmp_path / "a.ir"), "-p", "fuse"]) == 2


def test_bits_of_what_is_not_there_are_refused(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "a.ir").write_text(RELU)
    assert main(["-q", "opt", str(tmp_path / "a.ir"), "-p", "assign", "--set", "nosuch=4"]) == 2
    assert "--set: the graph has no value or table nosuch; there are r, u" in capsys.readouterr().err
