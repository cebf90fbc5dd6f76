"""docs/adding-a-model.md: the files that it names exist, and its example is a handler that works."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
import torch
from torch import nn

from qssmc.frontend import compare_with_module, trace
from qssmc.frontend.handlers import MODULES
from qssmc_sim import run
from support.random_models import sensor_samples, to_real

ROOT = Path(__file__).parents[2]
TEXT = (ROOT / "docs" / "adding-a-model.md").read_text(encoding="utf-8")


def test_files_and_tables_that_it_names_exist() -> None:
    paths = [path for path in re.findall(r"`([\w./-]+\.(?:py|md))`", TEXT) if "/" in path]
    assert len(paths) >= 4
    assert all((ROOT / path).is_file() for path in paths)
    sources = "".join((ROOT / path).read_text(encoding="utf-8") for path in paths if path.endswith(".py"))
    tables = set(re.findall(r"`([A-Z_]{6,})`", TEXT))
    assert {"MODULE_HANDLERS", "FUNCTION_HANDLERS", "MODULE_CASES"} <= tables
    assert all(table in sources for table in tables)


def test_its_example_works(monkeypatch: pytest.MonkeyPatch) -> None:
    (block,) = re.findall(r"```python\n(.*?)```", TEXT, re.DOTALL)
    names: dict[str, object] = {"__name__": "example"}
    exec(compile(block, "adding-a-model.md", "exec"), names)
    gain = names["Gain"](3)  # type: ignore[operator]
    with torch.no_grad():
        gain.gain.copy_(torch.tensor([0.5, -2.0, 3.0]))
    module = nn.Sequential(nn.Linear(1, 3), gain, nn.Tanh())
    assert "1_scale" not in trace(module, 1).by_name
    handler = names["HANDLER"]
    monkeypatch.setitem(MODULES, names["Gain"], handler)  # type: ignore[arg-type]
    graph = trace(module, 1)
    samples = to_real(sensor_samples(1))
    assert compare_with_module(graph, module, samples, lambda g, x: run(g, x).outputs) < 1e-9
