"""Array files: .npy and .npz read only where a header fits what there is: nothing is allocated that is not there."""

from __future__ import annotations

import io
import math
import warnings
import zipfile
from pathlib import Path
from typing import Any

import numpy as np
from numpy.lib import format as npy
from numpy.typing import NDArray

from qssmc.regular_file import check_regular

_KINDS = "iufbcmM"  # a file of objects, texts or records is refused
_HEADERS = {(1, 0): npy.read_array_header_1_0, (2, 0): npy.read_array_header_2_0}


def parse_npy(content: bytes) -> NDArray[Any]:
    """The array of numbers that the content of a .npy file is. Raises ValueError for anything else.

    >>> stream = io.BytesIO()
    >>> np.save(stream, np.arange(3))
    >>> parse_npy(stream.getvalue()).tolist()
    [0, 1, 2]
    """
    stream = io.BytesIO(content)
    try:
        version = npy.read_magic(stream)
        if version not in _HEADERS:
            raise ValueError(f"its format has version {version[0]}.{version[1]}, not 1.0 or 2.0")
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            shape, _, dtype = _HEADERS[version](stream)
    except ValueError as error:
        raise ValueError(f"it is no .npy file: {str(error).splitlines()[0]}") from error
    except Exception as error:  # numpy's reader of headers lets out what Python's parser raises
        raise ValueError(f"it is no .npy file: its header cannot be read ({type(error).__name__})") from error
    if dtype.kind not in _KINDS or any(isinstance(extent, bool) or extent < 0 for extent in shape):
        raise ValueError(f"it holds {dtype} of shape {shape}, not numbers")
    wanted, there = math.prod(shape) * dtype.itemsize, len(content) - stream.tell()
    if len(shape) > 32 or wanted != there:
        raise ValueError(f"its header announces {wanted} bytes of numbers, but it holds {there}")
    stream.seek(0)
    return np.asarray(npy.read_array(stream, allow_pickle=False))


def read_npy(path: Path) -> NDArray[Any]:
    """The array of a .npy file. Raises OSError where there is none, ValueError for another content."""
    return parse_npy(check_regular(path).read_bytes())


def read_npz(path: Path) -> dict[str, NDArray[Any]]:
    """The arrays of a .npz file by name. Raises OSError where there is none, ValueError for another content."""
    arrays: dict[str, NDArray[Any]] = {}
    try:
        with zipfile.ZipFile(check_regular(path)) as archive:
            for entry in archive.infolist():
                name = entry.filename.removesuffix(".npy")
                if name == entry.filename or name in arrays:
                    raise ValueError(f"it holds {entry.filename!r}, which is no array or is there twice")
                arrays[name] = parse_npy(archive.read(entry))
    except (OSError, ValueError):
        raise
    except Exception as error:  # zipfile lets out what its decompressors raise
        raise ValueError(f"it is no .npz file ({str(error) or type(error).__name__})") from error
    return arrays
