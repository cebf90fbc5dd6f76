"""Arrays: the named arrays of a file of weights, of whatever container; no code in it is ever run."""

from __future__ import annotations

import json
import math
import warnings
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from qssmc.data.npy import read_npz
from qssmc.errors import MalformedInputError, brief
from qssmc.frontend.importing.kinds import FoundWeights, kind_of_file
from qssmc.ir.json_text import parse_json

Arrays = dict[str, NDArray[Any]]
_DTYPES = {
    "F64": "<f8", "F32": "<f4", "F16": "<f2", "BF16": "<u2", "I64": "<i8", "I32": "<i4", "I16": "<i2", "I8": "i1",
    "U8": "u1", "U16": "<u2", "U32": "<u4", "U64": "<u8", "BOOL": "?", "C64": "<c8",
}  # fmt: skip


def read_arrays(found: FoundWeights) -> Arrays:
    """The arrays of a file by name, nested tables joined by dots; real ones in float64, complex ones in complex128.

    Raises MalformedInputError for a file that is damaged.
    """
    try:
        if found.kind == "npz":
            given = read_npz(found.path)
        elif found.kind == "safetensors":
            given = _safetensors(found.path.read_bytes())
        elif found.kind == "folder":
            given = _shards(found.path)
        else:
            given = _torch(found.path)
    except (OSError, ValueError) as error:
        raise MalformedInputError(f"{found.path} cannot be read as {found.what} ({brief(error)})") from error
    if not given:
        raise MalformedInputError(f"{found.path} holds no arrays; {found.what} with the weights of a model is needed")
    return {name: _wide(array) for name, array in given.items()}


def _wide(array: NDArray[Any]) -> NDArray[Any]:
    if array.dtype.kind == "c":
        return array.astype(np.complex128)
    return array.astype(np.float64) if array.dtype.kind == "f" else array


def _safetensors(content: bytes) -> Arrays:
    """A safetensors file: the length of a JSON header, the header, and the numbers that it places."""
    length = int.from_bytes(content[:8], "little")
    if length > len(content) - 8:
        raise ValueError(f"its header announces {length} bytes, but {len(content) - 8} follow")
    header = parse_json(content[8 : 8 + length])
    if not isinstance(header, dict):
        raise ValueError("its header is no table")
    numbers = memoryview(content)[8 + length :]
    return {str(name): _placed(str(name), entry, numbers) for name, entry in header.items() if name != "__metadata__"}


def _placed(name: str, entry: Any, numbers: memoryview) -> NDArray[Any]:
    try:
        kind, shape, (start, end) = str(entry["dtype"]), [int(n) for n in entry["shape"]], entry["data_offsets"]
        dtype = np.dtype(_DTYPES[kind])
    except (KeyError, TypeError, ValueError) as error:
        raise ValueError(f"tensor {name} has an entry of another form ({brief(error)})") from error
    if min(shape, default=0) < 0 or len(shape) > 32 or math.prod(shape) * dtype.itemsize != end - start:
        raise ValueError(f"tensor {name} of shape {shape} does not fit its {end - start} bytes")
    if not 0 <= start <= end <= len(numbers):
        raise ValueError(f"tensor {name} lies beyond the end of the file")
    array: NDArray[Any] = np.frombuffer(numbers[start:end], dtype).reshape(shape)
    return (array.astype(np.uint32) << 16).view(np.float32) if kind == "BF16" else array


def _shards(index: Path) -> Arrays:
    """The files that model.safetensors.index.json names, which lie beside it."""
    table = parse_json(index.read_bytes())
    files = table.get("weight_map") if isinstance(table, Mapping) else None
    if not isinstance(files, Mapping) or not files:
        raise ValueError("it has no weight_map")
    found: Arrays = {}
    for name in sorted({str(file) for file in files.values()}):
        if Path(name).name != name:
            raise ValueError(f"it names {name}, which does not lie beside it")
        found |= _safetensors((index.parent / name).read_bytes())
    return found


def _torch(path: Path) -> Arrays:
    """A file of torch.save, by torch's own reader of weights alone."""
    import torch

    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            payload = torch.load(path, map_location="cpu", weights_only=True)
    except Exception as error:  # torch's reader lets out what a damaged pickle makes of its own code
        raise ValueError(brief(error) if isinstance(error, OSError) else "it is damaged or cut off") from error
    found: Arrays = {}
    _collect(payload, "", found, 0)
    return found


def _collect(value: Any, name: str, found: Arrays, depth: int) -> None:
    """The tensors in nested tables; numbers and texts beside them are passed over."""
    import torch

    if isinstance(value, torch.Tensor):
        found[name or "tensor"] = _numpy(name, value)
    elif isinstance(value, Mapping) and depth < 16:
        for key, part in value.items():
            _collect(part, f"{name}.{key}" if name else str(key), found, depth + 1)


def _numpy(name: str, tensor: Any) -> NDArray[Any]:
    import torch

    if tensor.layout != torch.strided or tensor.device.type != "cpu" or tensor.is_quantized:
        raise ValueError(f"tensor {name} is no plain array of numbers, but {tensor.layout} {tensor.dtype}")
    if tensor.numel() > tensor.untyped_storage().nbytes() // max(tensor.element_size(), 1):
        raise ValueError(f"tensor {name} announces {tensor.numel()} numbers, and fewer are stored")
    tensor = tensor.detach()
    if tensor.is_floating_point():
        tensor = tensor.double()
    elif tensor.is_complex():
        tensor = tensor.resolve_conj().to(torch.complex128)
    array: NDArray[Any] = tensor.numpy().copy()
    return array


def config_of(path: Path) -> dict[str, Any]:
    """The table of config.json beside HuggingFace weights; empty where there is none or it cannot be read."""
    file = path / "config.json"
    try:
        table = parse_json(file.read_bytes()) if path.is_dir() and file.is_file() else {}
    except (OSError, ValueError, json.JSONDecodeError):
        return {}
    return table if isinstance(table, dict) else {}


def open_arrays(path: Path) -> tuple[FoundWeights, Arrays]:
    """What a file or folder is, and its arrays."""
    found = kind_of_file(path)
    return found, read_arrays(found)
