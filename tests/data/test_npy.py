"""Arrays are read only where their header fits what the file holds."""

from __future__ import annotations

import io
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from qssmc.data.npy import parse_npy, read_npz


def content(array: Any) -> bytes:
    stream = io.BytesIO()
    np.save(stream, array)
    return stream.getvalue()


@pytest.mark.parametrize(
    "array", [np.arange(6).reshape(2, 3), np.zeros((0, 4)), np.array(3), np.asfortranarray(np.eye(3))]
)
def test_what_numpy_wrote_comes_back(array: Any) -> None:
    found = parse_npy(content(array))
    assert found.dtype == array.dtype
    assert np.array_equal(found, array)
    assert found.shape == array.shape


@pytest.mark.parametrize(
    ("change", "said"),
    [
        (lambda raw: raw.replace(b"(3,)", b"(1099511627776,)"), "announces 8796093022208 bytes"),
        (lambda raw: raw[:-1], "announces 24 bytes"),
        (lambda raw: raw + b"\0", "announces 24 bytes"),
        (lambda raw: raw.replace(b"<i8", b"|O8"), "object"),
        (lambda raw: raw.replace(b"'shape'", b"'shapE'"), "no .npy file"),
        (lambda raw: raw[:9], "no .npy file"),
        (lambda raw: b"", "no .npy file"),
        (lambda raw: raw[:6] + b"\x09\x00" + raw[8:], "version 9.0"),
    ],
)
def test_anything_else_is_refused(change: Any, said: str) -> None:
    with pytest.raises(ValueError, match=said):
        parse_npy(change(content(np.arange(3))))


def test_an_archive_holds_arrays_once_each(tmp_path: Path) -> None:
    np.savez(tmp_path / "a.npz", x=np.arange(3))
    assert list(read_npz(tmp_path / "a.npz")) == ["x"]
    (tmp_path / "a.npz").write_bytes(b"PK\3\4 no archive")
    with pytest.raises(ValueError, match=r"no \.npz file"):
        read_npz(tmp_path / "a.npz")
