"""The page for models of others: its Python runs on look-alikes of what it names, and prints what it says."""

from __future__ import annotations

import contextlib
import io
import re
import sys
import types
from pathlib import Path
from typing import Any

import pytest
from torch import Tensor, nn

from qssmc.cli import main
from support import state_spaces as spaces
from tests.frontend.layers import lookalikes
from tests.frontend.layers.test_identify import Resonator

PAGE = Path(__file__).parent.parent / "docs" / "your-model.md"
_BLOCKS = re.compile(r"```python\n(.*?)```\n\n```\n(.*?)```\n(?:\n((?:    qssmc [^\n]*\n)+))?", re.DOTALL)


class S4Model(nn.Module):
    """Layers over (batch, channels, time) with norms before or after them, and a mean over time."""

    def __init__(self, d_input: int, d_output: int, d_model: int, n_layers: int, *, prenorm: bool = False) -> None:
        super().__init__()
        self.prenorm, self.encoder = prenorm, nn.Linear(d_input, d_model)
        self.s4_layers = nn.ModuleList(lookalikes.S4D(d_model) for _ in range(n_layers))
        self.norms = nn.ModuleList(nn.LayerNorm(d_model) for _ in range(n_layers))
        self.dropouts = nn.ModuleList(nn.Dropout1d(0.1) for _ in range(n_layers))
        self.decoder = nn.Linear(d_model, d_output)

    def forward(self, x: Tensor) -> Tensor:
        x = self.encoder(x).transpose(-1, -2)
        for layer, norm, dropout in zip(self.s4_layers, self.norms, self.dropouts, strict=True):
            z = norm(x.transpose(-1, -2)).transpose(-1, -2) if self.prenorm else x
            z, _ = layer(z)
            x = dropout(z) + x
            if not self.prenorm:
                x = norm(x.transpose(-1, -2)).transpose(-1, -2)
        return self.decoder(x.transpose(-1, -2).mean(dim=1))  # type: ignore[no-any-return]


class S5Block(nn.Module):
    """Norm, S5, GELU, and a gated layer, each with what goes past it."""

    def __init__(self, width: int) -> None:
        super().__init__()
        self.norm, self.s5 = nn.LayerNorm(width), spaces.S5(width)
        self.wide, self.narrow = nn.Linear(width, 2 * width, bias=False), nn.Linear(width, width, bias=False)

    def forward(self, x: Tensor, state: Any = None, return_state: bool = False) -> Tensor:
        rest = self.norm(x)
        x = nn.functional.gelu(self.s5(rest, state=state, return_state=return_state)) + rest.clone()
        value, gate = self.wide(x).chunk(2, dim=-1)
        return self.narrow(value * nn.functional.gelu(gate)) + x  # type: ignore[no-any-return]


def same(text: str) -> str:
    """A transcript without the measured numbers, which differ between machines in their last digits."""
    text = text.replace("test_identify.py", "example.py")
    return re.sub(r"\d+(?:\.\d+)?e[-+]\d+|\d+(?:\.\d+)? %|line \d+", "#", text).strip()


def test_the_page_prints_what_it_says(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    example = types.ModuleType("example")
    vars(example).update(S4Model=S4Model, S5Block=S5Block, Resonator=Resonator)
    monkeypatch.setitem(sys.modules, "example", example)
    blocks = _BLOCKS.findall(PAGE.read_text(encoding="utf-8"))
    assert len(blocks) == 3
    for code, wanted, commands in blocks:
        printed = io.StringIO()
        with contextlib.redirect_stdout(printed):
            exec(compile(code, PAGE.name, "exec"), {"__name__": "page"})
        assert same(printed.getvalue()) == same(wanted)
        for command in commands.splitlines():
            assert main(["-q", *command.split()[1:]]) == 0


@pytest.mark.parametrize("prenorm", [False, True])
def test_norms_before_and_after_are_traced_alike(prenorm: bool) -> None:
    from qssmc.frontend import compare_with_module, trace
    from support.random_models import sensor_samples, to_real
    from tests.frontend.layers.test_registry import outputs

    model = S4Model(1, 3, 4, 2, prenorm=prenorm).eval()
    assert compare_with_module(trace(model, 1, run=outputs), model, to_real(sensor_samples(1)), outputs) < 1e-9
