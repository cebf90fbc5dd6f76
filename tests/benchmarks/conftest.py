"""Where the benchmarks lie, and a model small enough for every engine to run in a moment."""

from __future__ import annotations

import sys
from importlib.util import find_spec
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
sys.path[:0] = [str(ROOT), str(ROOT / "tests")]

MISSING = [name for name in ("torch", "onnx", "onnxruntime", "numba", "scipy") if find_spec(name) is None]


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    if MISSING:
        reason = f"not installed: {', '.join(MISSING)} (pip install 'qssmc[torch,bench]')"
        for item in items:
            if Path(__file__).parent in item.path.parents:
                item.add_marker(pytest.mark.skip(reason=reason))


@pytest.fixture(scope="session")
def checkpoint(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The path of an untrained S4D of 4 heads and 3 states on sequences of 20 samples of two channels."""
    import torch

    from qssmc.data import InputFormat
    from qssmc.models import Checkpoint, ModelConfig, SequenceModel, save_checkpoint

    with torch.random.fork_rng():
        torch.manual_seed(5)
        model = SequenceModel(ModelConfig(d_input=2, d_model=4, d_state=3, d_output=5))
    path = tmp_path_factory.mktemp("bench") / "small.pt"
    save_checkpoint(Checkpoint(model.config, model.state_dict(), InputFormat(8, 8, False), 20), path)
    return path
