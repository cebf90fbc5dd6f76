"""Regular file: paths as users give them, what is read whole, and what is written whole or not at all."""

from __future__ import annotations

import os
import stat
from pathlib import Path
from typing import Any

from qssmc.errors import UsageError, shown

TEXT_BYTES = 1 << 30  # of a text at most


def check_regular(path: Path, most: int | None = None) -> Path:
    """The path again. Raises OSError for what is no regular file, and for one of more than `most` bytes.

    >>> check_regular(Path("/dev/null"))
    Traceback (most recent call last):
    OSError: [Errno 22] it is not a regular file: '/dev/null'
    """
    found = path.stat()
    if stat.S_ISDIR(found.st_mode):
        raise IsADirectoryError(21, "Is a directory", str(path))
    if not stat.S_ISREG(found.st_mode):
        raise OSError(22, "it is not a regular file", str(path))
    if most is not None and found.st_size > most:
        raise OSError(27, f"it has {found.st_size:,} bytes, more than {most:,} of a text", str(path))
    return path


def read_text(path: Path) -> str:
    """The text of a file in UTF-8. Raises OSError for what is no file of a text's size, UnicodeDecodeError."""
    return check_regular(path, TEXT_BYTES).read_text(encoding="utf-8")


def path_of(given: Any, what: str) -> Path:
    """A path of what a user gave as one. Raises UsageError for another kind of value and for a null character."""
    if not isinstance(given, (str, os.PathLike)) or not isinstance(os.fspath(given), str):
        raise UsageError(f"{what} must be a path, not {shown(given)}")
    if "\0" in os.fspath(given):
        raise UsageError(f"{what} must be a path without null characters, not {shown(given)}")
    return Path(given)


def write_whole(path: Path, content: bytes) -> None:
    """Write a file, complete or absent, and its folder. Raises UsageError where it cannot be."""
    partial = path.with_name(path.name + ".partial")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        try:
            partial.write_bytes(content)
            partial.replace(path)
        finally:
            partial.unlink(missing_ok=True)
    except OSError as error:
        raise UsageError(f"{path} cannot be written ({error.strerror})") from error
