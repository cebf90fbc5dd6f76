"""Regular file: what is read whole must be one, so that a device or a pipe is not read without end."""

from __future__ import annotations

import stat
from pathlib import Path

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
