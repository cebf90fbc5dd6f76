"""The loaders of examples/crossbar: the map's conductances in simulators that no one here wrote give its products."""

from __future__ import annotations

import importlib.util
import subprocess
import sys
from pathlib import Path
from types import ModuleType

import numpy as np
import pytest

from qssmc.crossbar import Array, CrossbarMap, CrossbarOptions, map_files
from support.arrays import laid

FOLDER = Path(__file__).parent.parent.parent / "examples/crossbar"
LOADERS = {"load_aihwkit": "aihwkit", "load_crosssim": "simulator"}
HINTS = {
    "load_aihwkit": "pip install aihwkit",
    "load_crosssim": "pip install git+https://github.com/sandialabs/cross-sim",
}
WAYS = [
    CrossbarOptions(),
    CrossbarOptions(encoding="four-lane"),
    CrossbarOptions(weight_bits=2, reads=4, size=(32, 40)),
]


@pytest.fixture(scope="module", params=WAYS, ids=["two lanes", "four lanes", "ternary, several reads"])
def crossbar(request: pytest.FixtureRequest) -> CrossbarMap:
    return laid("dithered, two layers", request.param).crossbar


def lines() -> ModuleType:
    spec = importlib.util.spec_from_file_location("lines", FOLDER / "lines.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    sys.modules["lines"] = module
    spec.loader.exec_module(module)
    return module


def written(crossbar: CrossbarMap, folder: Path) -> Path:
    for path, content in map_files(crossbar).items():
        (folder / path).parent.mkdir(parents=True, exist_ok=True)
        (folder / path).write_bytes(content)
    return folder


@pytest.mark.parametrize("loader", LOADERS)
def test_a_simulator_gives_the_products_of_the_map(crossbar: CrossbarMap, loader: str, tmp_path: Path) -> None:
    if importlib.util.find_spec(LOADERS[loader]) is None:
        pytest.skip(f"{LOADERS[loader]} is not installed; install it with: {HINTS[loader]}")
    command = [sys.executable, FOLDER / f"{loader}.py", written(crossbar, tmp_path), "--draws", "8"]
    found = subprocess.run(command, capture_output=True, text=True, check=False)
    assert found.returncode == 0, found.stdout + found.stderr
    assert f"{len(crossbar.ops)} reads of {len(crossbar.arrays)} arrays" in found.stdout


@pytest.mark.parametrize("loader", LOADERS)
def test_a_missing_simulator_is_named_with_its_install_command(loader: str, tmp_path: Path) -> None:
    map_folder = written(laid("ragged", CrossbarOptions()).crossbar, tmp_path)
    hidden = f"import sys, runpy; sys.modules[{LOADERS[loader]!r}] = None; sys.path.insert(0, {str(FOLDER)!r}); "
    run = (
        f"sys.argv = ['x', {str(map_folder)!r}]; runpy.run_path({str(FOLDER / loader)!r} + '.py', run_name='__main__')"
    )
    found = subprocess.run([sys.executable, "-c", hidden + run], capture_output=True, text=True, check=False)
    assert found.returncode == 4
    assert HINTS[loader] in found.stderr


def test_a_map_that_is_none_is_bad_input(tmp_path: Path) -> None:
    command = [sys.executable, FOLDER / "load_crosssim.py", tmp_path / "none"]
    found = subprocess.run(command, capture_output=True, text=True, check=False)
    assert found.returncode == 2
    assert "none" in found.stderr


def test_the_comparison_passes_kirchhoff_and_catches_one_cell(crossbar: CrossbarMap) -> None:
    compare = lines().compare
    epsilon = float(np.finfo(np.float64).eps)

    def ideal(array: Array, wrong: float = 0.0) -> object:
        siemens = array.conductance.copy()
        read = array.reads[-1]
        siemens[read.rows[0].lines[-1].line, read.columns[-1].plus] *= 1.0 + wrong
        return lambda volts: volts @ siemens

    assert 0 <= compare(crossbar, ideal, epsilon, 8, 0).parts < 1
    assert compare(crossbar, lambda array: ideal(array, 1e-9), epsilon, 8, 0).parts > 1
    assert compare(crossbar, lambda array: lambda volts: volts @ array.levels, epsilon, 8, 0).parts > 1
