"""Files that cannot be imported: each told in one sentence, with its exit code, and nothing of it run or written."""

from __future__ import annotations

import io
import json
import os
import pickle
import struct
import zipfile
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import torch
from torch import nn

from frontend.importing.stacks import Sequence, Stack
from frontend.layers import lookalikes
from qssmc.cli import main
from qssmc.errors import UnsupportedModelError
from qssmc.frontend.importing.kinds import kind_of_file

State = dict[str, torch.Tensor]


class Trap:
    """A pickle of this would make a file when it is read."""

    def __init__(self, path: Path) -> None:
        self.path = path

    def __reduce__(self) -> tuple[object, tuple[object, ...]]:
        return (os.mkdir, (str(self.path),))


def saved(content: object) -> bytes:
    stream = io.BytesIO()
    torch.save(content, stream)
    return stream.getvalue()


def state() -> State:
    torch.manual_seed(0)
    return Sequence().state_dict()


def changed(**tensors: torch.Tensor | None) -> bytes:
    """A state dict with other tensors; None takes one out."""
    names = {name.replace("__", "."): tensor for name, tensor in tensors.items()}
    given = {**state(), **names}
    return saved({name: tensor for name, tensor in given.items() if tensor is not None})


def zipped(**parts: bytes) -> bytes:
    stream = io.BytesIO()
    with zipfile.ZipFile(stream, "w") as archive:
        for name, content in parts.items():
            archive.writestr(name.replace("__", "/").replace("_DOT_", "."), content)
    return stream.getvalue()


def safetensors(header: object, numbers: bytes = b"") -> bytes:
    text = json.dumps(header).encode()
    return struct.pack("<Q", len(text)) + text + numbers


def npz(**arrays: np.ndarray) -> bytes:
    stream = io.BytesIO()
    np.savez(stream, **arrays)
    return stream.getvalue()


def script() -> bytes:
    stream = io.BytesIO()
    torch.jit.save(torch.jit.trace(nn.Linear(1, 2), torch.zeros(1, 1)), stream)
    return stream.getvalue()


def program() -> bytes:
    stream = io.BytesIO()
    torch.export.save(torch.export.export(nn.Linear(1, 2), (torch.zeros(1, 1),)), stream)
    return stream.getvalue()


KERNEL = "s4_layers__0__kernel__"
FILES: dict[str, tuple[Callable[[], bytes], int, str]] = {
    "empty": (lambda: b"", 2, "is empty"),
    "text": (lambda: b"not a model\n" * 9, 2, "is no file of weights"),
    "half of a torch file": (lambda: saved(state())[:3000], 2, "damaged or cut off"),
    "a whole module": (
        lambda: saved(Stack(nn.Identity)),
        3,
        "a pickled module of class frontend.importing.stacks.Stack",
    ),
    "an object beside the weights": (
        lambda: saved({"state_dict": state(), "config": Path("x")}),
        2,
        "asks for pathlib",
    ),
    "a plain pickle of code": (lambda: pickle.dumps(Trap(Path("ran"))), 2, "asks for posix.mkdir"),
    "a plain pickle of numbers": (lambda: pickle.dumps({"a": [1.0]}), 2, "a pickle that no torch wrote"),
    "TorchScript": (lambda: zipped(m__data_DOT_pkl=b"x", m__code__m_DOT_py=b"x"), 3, "is a TorchScript archive"),
    "a program of torch.export": (lambda: zipped(m__archive_format=b"pt2"), 3, "is a program of torch.export (.pt2)"),
    "one array": (lambda: b"\x93NUMPY\x01\x00v\x00" + b" " * 99, 2, "is one array"),
    "HDF5": (lambda: b"\x89HDF\r\n\x1a\n" + b"\0" * 99, 3, "is an HDF5 file"),
    "some zip": (lambda: zipped(readme=b"x"), 2, "is a zip archive, but no file of weights"),
    "no tensors": (lambda: saved({"epoch": 3}), 2, "holds no arrays"),
    "no state space": (
        lambda: saved(nn.Sequential(nn.Linear(1, 2), nn.Linear(2, 1)).state_dict()),
        3,
        "no state-space",
    ),
    "an LSTM": (lambda: saved(nn.LSTM(1, 2).state_dict()), 3, "recurrent gates"),
    "attention": (lambda: saved(nn.TransformerEncoderLayer(4, 2).state_dict()), 3, "attention"),
    "a low-rank part": (
        lambda: npz(**{"layer.kernel.P": np.ones((1, 2, 2)), "layer.kernel.inv_dt": np.ones(2)}),
        3,
        "low-rank part (DPLR)",
    ),
    "NaN": (
        lambda: changed(encoder__weight=torch.full((4, 1), torch.nan)),
        3,
        "NaN or infinite numbers in encoder.weight",
    ),
    "poles of another shape": (lambda: changed(**{KERNEL + "A_imag": torch.ones(3)}), 3, "part of no known stack"),
    "all poles of another shape": (
        lambda: npz(log_A_real=np.ones((4, 3)), A_imag=np.ones(3), log_dt=np.ones(4), C=np.ones((4, 3, 2))),
        3,
        "fit none",
    ),
    "a layer of whom nothing is known": (lambda: changed(attn__query=torch.ones(4, 4)), 3, "attn.query (4, 4)"),
    "a convolution of more taps": (lambda: changed(norms__0__conv__weight=torch.ones(4, 4, 3)), 3, "(4, 4, 3)"),
    "a decoder of another width": (
        lambda: changed(decoder__weight=torch.ones(3, 5)),
        3,
        "takes 5 channels where 4 come",
    ),
    "an embedding": (
        lambda: changed(encoder__weight=None, encoder__bias=None, embedding__weight=torch.ones(256, 4)),
        3,
        "256 tokens",
    ),
    "a sparse tensor": (lambda: changed(decoder__weight=torch.eye(4).to_sparse()), 2, "no plain array of numbers"),
    "a tensor that is not stored": (
        lambda: changed(decoder__weight=torch.ones(1, 1).expand(1 << 40, 4)),
        2,
        "announces",
    ),
    "safetensors: no header": (lambda: struct.pack("<Q", 10**6) + b"{}", 2, "announces 1000000 bytes"),
    "safetensors: an absurd tensor": (
        lambda: safetensors({"a": {"dtype": "F32", "shape": [1 << 40], "data_offsets": [0, 4]}}, b"\0" * 4),
        2,
        "does not fit",
    ),
    "safetensors: beyond the end": (
        lambda: safetensors({"a": {"dtype": "F32", "shape": [2], "data_offsets": [0, 8]}}, b"\0" * 4),
        2,
        "beyond the end",
    ),
    "safetensors: an unknown kind": (
        lambda: safetensors({"a": {"dtype": "F4", "shape": [2], "data_offsets": [0, 1]}}, b"\0"),
        2,
        "another form",
    ),
    "npz of objects": (lambda: npz(a=np.array([{}], dtype=object)), 2, "not numbers"),
    "npz of a complex selection": (lambda: npz(a=np.ones(3, np.complex64)), 3, "no state-space layer"),
}


@pytest.mark.parametrize("name", FILES)
def test_a_file_is_told_in_one_sentence(
    name: str, tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    make, code, said = FILES[name]
    monkeypatch.chdir(tmp_path)
    Path("w.pt").write_bytes(make())
    capsys.readouterr()
    assert main(["import", "w.pt", "-o", "m.qssm", "-q"]) == code
    error = capsys.readouterr().err.strip()
    assert error.startswith("qssmc: error: ")
    assert len(error.splitlines()) == 1
    assert said in error
    assert os.listdir() == ["w.pt"]


@pytest.mark.parametrize(
    "name", ["TorchScript", "a program of torch.export", "a whole module", "a plain pickle of code"]
)
def test_compile_names_what_it_is_given(
    name: str, tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    make, code, said = FILES[name]
    monkeypatch.chdir(tmp_path)
    Path("w.pt").write_bytes(make())
    assert main(["compile", "w.pt", "-o", "out"]) == code
    assert said in capsys.readouterr().err
    assert os.listdir() == ["w.pt"]


@pytest.mark.parametrize(("write", "said"), [(script, "TorchScript"), (program, "torch.export")])
def test_what_torch_itself_writes_is_recognised(write: Callable[[], bytes], said: str, tmp_path: Path) -> None:
    (tmp_path / "w").write_bytes(write())
    with pytest.raises(UnsupportedModelError, match=said):
        kind_of_file(tmp_path / "w")


def test_compile_says_how_to_import_a_state_dict(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    torch.save({"state_dict": state()}, tmp_path / "w.ckpt")
    assert main(["compile", str(tmp_path / "w.ckpt"), "-o", str(tmp_path / "out")]) == 2
    error = capsys.readouterr().err
    assert "is a PyTorch state dict with 2 S4D layers, 4 heads, 3 states; run: qssmc import" in error


X = np.random.default_rng(1).normal(size=(3, 20, 1)).astype(np.float32)
PAIRS: dict[str, tuple[np.ndarray, np.ndarray, tuple[str, ...], int, str]] = {
    "other answers": (X, np.ones((3, 3)), (), 1, "no reading of"),
    "answers of another length": (X, np.ones((3, 7)), (), 2, "must have shape (3, 3)"),
    "class numbers": (X, np.arange(3), (), 2, "not the numbers of classes"),
    "integer answers": (X, np.ones((3, 3), int), (), 2, "as real numbers"),
    "channels before steps": (X.transpose(0, 2, 1), np.ones((3, 3)), (), 2, "swap the last two"),
    "NaN": (np.full_like(X, np.nan), np.ones((3, 3)), (), 2, "NaN or infinite"),
    "complex samples": (X.astype(np.complex64), np.ones((3, 3)), (), 2, "real numbers or integers"),
    "a value that no question has": (
        X,
        np.ones((3, 3)),
        ("--pooling", "max"),
        2,
        "--pooling must be one of mean, last",
    ),
    "an eps of letters": (X, np.ones((3, 3)), ("--norm-eps", "small"), 2, "--norm-eps must be a positive number"),
    "a scale of code": (X, np.ones((3, 3)), ("--input-scale", "x**2"), 2, "--input-scale must be a number"),
    "a scale of nothing": (X, np.ones((3, 3)), ("--input-scale", "1/0"), 2, "--input-scale must be a number"),
    "no tolerance": (X, np.ones((3, 3)), ("--tolerance", "0"), 2, "--tolerance must lie between 0 and 1"),
}


@pytest.mark.parametrize("name", PAIRS)
def test_what_is_expected_is_checked(name: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    x, y, flags, code, said = PAIRS[name]
    torch.save(state(), tmp_path / "w.pt")
    np.save(tmp_path / "x.npy", x)
    np.save(tmp_path / "y.npy", y)
    given = ("--activation", "gelu", "--residual", "yes", "--norm-position", "post", "--discretization", "zoh", *flags)
    files = [str(tmp_path / file) for file in ("w.pt", "x.npy", "y.npy", "m.qssm")]
    assert main(["import", files[0], "--expect", files[1], files[2], "-o", files[3], "-q", *given]) == code
    assert said in capsys.readouterr().err
    assert not (tmp_path / "m.qssm").exists()


def test_without_answers_what_is_open_is_told(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    torch.save(state(), tmp_path / "w.pt")
    assert main(["import", str(tmp_path / "w.pt"), "-o", str(tmp_path / "m.qssm")]) == 2
    error = capsys.readouterr().err
    assert "--pooling mean|last|none" in error
    assert "--norm-position pre|post" in error


def test_two_readings_that_give_the_answers_are_refused(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Sequences of one step cannot tell the mean from the last step."""
    model = Stack(lambda: lookalikes.LRU(4, 4, 3), channels=1, act=nn.ReLU(), mixing="none").eval()
    torch.save(model.state_dict(), tmp_path / "w.pt")
    x = X[:, :1]
    with torch.no_grad():
        np.save(tmp_path / "y.npy", model(torch.from_numpy(x)).numpy())
    np.save(tmp_path / "x.npy", x)
    files = [str(tmp_path / file) for file in ("w.pt", "x.npy", "y.npy", "m.qssm")]
    assert main(["import", files[0], "--expect", files[1], files[2], "-o", files[3]]) == 2
    error = capsys.readouterr().err
    assert "two different readings of" in error
    assert "--pooling mean" in error
    assert "--pooling last" in error
    assert main(["import", files[0], "--expect", files[1], files[2], "-o", files[3], "--pooling", "mean"]) == 0
