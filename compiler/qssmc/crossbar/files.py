"""Files: a weight map as bytes by path, and back, every fault named by its file and field."""

from __future__ import annotations

import io
import json
import zipfile
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from pydantic import ValidationError

from qssmc.crossbar.faults import faults_of
from qssmc.crossbar.map import MAP, Array, CrossbarMap, MapFile
from qssmc.data.npy import read_npz
from qssmc.errors import MalformedInputError
from qssmc.regular_file import check_regular

_SHOWN = 5
_RETRY = "compile the model again, or mend the file"


def map_files(crossbar: CrossbarMap) -> dict[str, bytes]:
    """map.json, arrays.npz, and two CSV files an array. The same map gives the same bytes."""
    text = json.dumps(crossbar.file.model_dump(mode="json", by_alias=True), indent=1, ensure_ascii=False) + "\n"
    cells: dict[str, NDArray[Any]] = {}
    files = {MAP: text.encode()}
    for array in crossbar.arrays:
        cells[f"{array.name}.levels"] = array.levels.astype(np.int16)
        cells[f"{array.name}.conductance"] = array.conductance
        files[f"csv/{array.name}_levels.csv"] = _csv(array.levels, "%d")
        files[f"csv/{array.name}_conductance_us.csv"] = _csv(array.conductance, "%.9g")
    files[crossbar.file.cells] = _npz(cells)
    return files


def _csv(cells: NDArray[Any], number: str) -> bytes:
    stream = io.BytesIO()
    np.savetxt(stream, cells, fmt=number, delimiter=",")
    return stream.getvalue()


def _npz(arrays: Mapping[str, NDArray[Any]]) -> bytes:
    """numpy's own format, with the fixed date that makes equal arrays equal bytes."""
    stream = io.BytesIO()
    with zipfile.ZipFile(stream, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, array in arrays.items():
            part = io.BytesIO()
            np.save(part, np.ascontiguousarray(array), allow_pickle=False)
            info = zipfile.ZipInfo(f"{name}.npy", (1980, 1, 1, 0, 0, 0))
            info.compress_type = zipfile.ZIP_DEFLATED
            archive.writestr(info, part.getvalue())
    return stream.getvalue()


def read_map(path: Path) -> CrossbarMap:
    """Read and check a map. path: map.json, the folder that holds it, or a compiled folder.

    Raises MalformedInputError with every fault (the first five in words), each with its field.
    """
    path = _map_path(path)
    try:
        file = MapFile.model_validate_json(check_regular(path).read_bytes())
    except OSError as error:
        raise MalformedInputError(f"{path} cannot be read ({error.strerror}); give a {MAP}") from error
    except ValidationError as error:
        raise _malformed(path, list(_schema_faults(error))) from error
    cells = path.parent / file.cells
    try:
        held = read_npz(cells)
    except (OSError, ValueError) as error:
        raise MalformedInputError(
            f"{path}: cells names {file.cells}, which cannot be read ({error}); {_RETRY}"
        ) from error
    shape = file.size.rows, file.size.columns
    faults, arrays = [], []
    for index, entry in enumerate(file.arrays):
        parts = {kind: held.get(f"{entry.name}.{kind}") for kind in ("levels", "conductance")}
        wrong = list(_cell_faults(f"arrays[{index}]", entry.name, parts, shape))
        faults += wrong
        if not wrong:
            levels, conductance = parts["levels"], parts["conductance"]
            assert levels is not None
            assert conductance is not None
            arrays.append(
                Array(
                    name=entry.name,
                    levels=levels.astype(np.int64),
                    conductance=conductance.astype(np.float64),
                    reads=entry.reads,
                )
            )
    if not faults:
        faults = list(faults_of(file, arrays))
    if faults:
        raise _malformed(path, faults)
    return CrossbarMap(file=file, arrays=tuple(arrays))


def _map_path(path: Path) -> Path:
    for inside in (path / MAP, path / "crossbar" / MAP):
        if inside.is_file():
            return inside
    if path.is_dir():
        raise MalformedInputError(f"{path} holds no {MAP}; make one with: qssmc compile MODEL --target crossbar")
    return path


def _schema_faults(error: ValidationError) -> Iterator[str]:
    """pydantic's faults as field and reason."""
    for fault in error.errors():
        where = "".join(f"[{part}]" if isinstance(part, int) else f".{part}" for part in fault["loc"]).lstrip(".")
        yield f"{where or 'the text'}: {fault['msg'][0].lower()}{fault['msg'][1:]}"


def _cell_faults(
    where: str, name: str, parts: Mapping[str, NDArray[Any] | None], shape: tuple[int, int]
) -> Iterator[str]:
    for kind, kinds in (("levels", "iu"), ("conductance", "f")):
        cells = parts[kind]
        if cells is None:
            yield f"{where}: the cells hold no {name}.{kind}"
        elif cells.shape != shape:
            found = "x".join(map(str, cells.shape))
            yield f"{where}: {name}.{kind} must be {shape[0]}x{shape[1]} as size says, not {found}"
        elif cells.dtype.kind not in kinds:
            yield f"{where}: {name}.{kind} must hold {'integers' if kinds == 'iu' else 'floats'}, not {cells.dtype}"


def _malformed(path: Path, faults: list[str]) -> MalformedInputError:
    more = f"; and {len(faults) - _SHOWN} more" if len(faults) > _SHOWN else ""
    return MalformedInputError(f"{path}: {'; '.join(faults[:_SHOWN])}{more}; {_RETRY}")
