"""Convolutions over the past as people write them, against torch, and what looks ahead, which is refused."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
import torch
import torch.nn.functional as F
from torch import Tensor, nn

from qssmc.errors import UnsupportedModelError
from qssmc.frontend import trace
from qssmc.frontend.compare import compare_with_module
from qssmc.ir.ops import Matvec, Scale
from qssmc_sim import run


class Taps(nn.Module):
    """An encoder, what is to be tried, and a decoder; over (batch, channels, time) in between."""

    def __init__(self, forward: Callable[..., Any], **parts: nn.Module) -> None:
        super().__init__()
        torch.manual_seed(0)
        self.encoder, self.decoder = nn.Linear(2, 4), nn.Linear(4, 3)
        for name, part in parts.items():
            self.add_module(name, part)
        self.tried = forward

    def forward(self, u: Tensor) -> Any:
        return self.decoder(self.tried(self, self.encoder(u).transpose(1, 2)).transpose(1, 2))


def conv(taps: int, **more: Any) -> nn.Conv1d:
    return nn.Conv1d(4, 4, taps, **more)


CASES: dict[str, tuple[Callable[..., Any], dict[str, nn.Module]]] = {
    "cut to the length": (lambda m, x: m.c(x)[..., : x.shape[-1]], {"c": conv(4, padding=3, groups=4)}),
    "cut by the padding": (lambda m, x: F.silu(m.c(x)[:, :, :-3]), {"c": conv(4, padding=3)}),
    "padded before": (lambda m, x: m.c(F.pad(x, (2, 0))), {"c": conv(3, bias=False)}),
    "padded before, dilated": (lambda m, x: m.c(F.pad(x, (6, 0))), {"c": conv(3, dilation=3, groups=2)}),
    "padded by a module": (lambda m, x: m.c(m.p(x)), {"p": nn.ConstantPad1d((1, 0), 0.0), "c": conv(2)}),
    "padded twice": (lambda m, x: m.c(F.pad(F.pad(x, (1, 0)), [1, 0])), {"c": conv(3)}),
    "half by each": (lambda m, x: m.c(F.pad(x, (2, 0)))[..., :-2], {"c": conv(5, padding=2)}),
    "function": (lambda m, x: F.conv1d(F.pad(x, (1, 0)), m.c.weight, m.c.bias, groups=4), {"c": conv(2, groups=4)}),
    "delay": (lambda m, x: x - F.pad(x, (2, 0))[..., :-2], {}),
    "delay to the length": (lambda m, x: F.pad(x, (1, 0))[..., : x.shape[2]], {}),
    "a stack": (lambda m, x: m.d(F.pad(torch.relu(m.c(x)[..., :-1]), (2, 0))), {"c": conv(2, padding=1), "d": conv(3)}),
    "whole": (lambda m, x: x[..., : x.shape[-1]], {}),
}


@pytest.mark.parametrize("case", CASES)
def test_a_causal_convolution_is_what_torch_computes(case: str) -> None:
    forward, parts = CASES[case]
    module = Taps(forward, **parts).eval()
    samples = np.random.default_rng(0).normal(size=(3, 17, 2))
    assert compare_with_module(trace(module, 2), module, samples, lambda g, x: run(g, x).outputs) < 1e-9


def test_a_depthwise_convolution_has_a_factor_a_tap_and_channel() -> None:
    forward, parts = CASES["cut to the length"]
    graph = trace(Taps(forward, **parts).eval(), 2)
    assert len(graph.states) == 3
    assert sum(isinstance(op, Scale) for op in graph.ops) == 4
    assert sum(isinstance(op, Matvec) for op in graph.ops) == 2


AHEAD: dict[str, tuple[Callable[..., Any], dict[str, nn.Module], str]] = {
    "no padding": (lambda m, x: m.c(x), {"c": conv(3)}, "Conv1d of 3 taps looks 2 steps ahead of the sample at hand"),
    "same": (lambda m, x: m.c(x), {"c": conv(3, padding="same")}, "looks 1 steps ahead"),
    "too much": (lambda m, x: m.c(F.pad(x, (4, 0))), {"c": conv(3)}, "stays 2 steps behind the sample"),
    "not cut": (lambda m, x: m.c(x), {"c": conv(3, padding=2)}, "of a padded sequence; F.pad(x, (n, 0)) of zeros"),
    "cut short": (lambda m, x: m.c(x)[..., :-1], {"c": conv(3, padding=2)}, "cut it to its length, [..., :-2]"),
    "cut in front": (lambda m, x: m.c(x)[..., 2:], {"c": conv(3, padding=2)}, "cut it to its length, [..., :-2]"),
    "stride": (lambda m, x: m.c(F.pad(x, (2, 0))), {"c": conv(3, stride=2)}, "a stride; give constant weights"),
    "reflected": (lambda m, x: m.c(x), {"c": conv(3, padding=2, padding_mode="reflect")}, "reflect padding"),
    "ones": (lambda m, x: m.c(F.pad(x, (2, 0), value=1.0)), {"c": conv(3)}, "pad with anything but zeros"),
    "both ends": (lambda m, x: m.c(F.pad(x, (1, 1))), {"c": conv(3)}, "pad the past alone"),
    "channels": (lambda m, x: F.pad(x, (0, 0, 1, 0)), {}, "pad the past alone"),
    "padded activation": (lambda m, x: torch.relu(F.pad(x, (1, 0))), {}, "relu of a padded sequence"),
    "length of it": (lambda m, x: F.pad(x, (1, 0))[..., : F.pad(x, (1, 0)).shape[-1]], {}, "of a padded sequence"),
}


@pytest.mark.parametrize("case", AHEAD)
def test_what_looks_ahead_or_is_left_padded_is_refused(case: str) -> None:
    forward, parts, message = AHEAD[case]
    with pytest.raises(UnsupportedModelError, match=re.escape(message)):
        trace(Taps(forward, **parts).eval(), 2)
