"""Odd modules: forwards that people write, which become IR with the module's numbers or are told what to write."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
import torch
import torch.nn.functional as F
from numpy.typing import NDArray
from torch import Tensor, nn

from qssmc.errors import UnsupportedModelError
from qssmc.frontend import compare_with_module, trace
from qssmc.frontend.calls import calls_of
from qssmc.ir import Graph
from qssmc.models import S4D
from qssmc_sim import run

Forward = Callable[[Any, Tensor], Any]


def outputs(graph: Graph, samples: NDArray[Any]) -> dict[str, NDArray[Any]]:
    return run(graph, samples).outputs


class Odd(nn.Module):
    """An encoder, a state space and a decoder, other parts, and any forward over them."""

    def __init__(self, forward: Forward) -> None:
        super().__init__()
        torch.manual_seed(0)
        object.__setattr__(self, "body", forward)
        self.e, self.s, self.d = nn.Linear(2, 4), S4D(4, 2), nn.Linear(4, 3)
        self.bn, self.gn, self.rms = nn.BatchNorm1d(4), nn.GroupNorm(2, 4), nn.RMSNorm(4)
        self.c1, self.c3, self.pool, self.one = (
            nn.Conv1d(4, 4, 1),
            nn.Conv1d(4, 4, 3),
            nn.AvgPool1d(2),
            nn.AdaptiveAvgPool1d(1),
        )
        self.embedding, self.lstm = nn.Embedding(8, 4), nn.LSTM(4, 4, batch_first=True)
        self.mha, self.bi = nn.MultiheadAttention(4, 2, batch_first=True), nn.Bilinear(4, 4, 4)
        self.w, self.gain, self.pos = (nn.Parameter(torch.rand(shape)) for shape in ((4, 4), (4,), (1, 9, 4)))
        self.acts = nn.ModuleDict(
            {
                "leaky": nn.LeakyReLU(0.2),
                "prelu": nn.PReLU(),
                "relu6": nn.ReLU6(),
                "elu": nn.ELU(0.7),
                "hardtanh": nn.Hardtanh(-0.3, 0.4),
                "hardsigmoid": nn.Hardsigmoid(),
                "hardswish": nn.Hardswish(),
                "selu": nn.SELU(),
                "celu": nn.CELU(0.6),
                "mish": nn.Mish(),
                "logsigmoid": nn.LogSigmoid(),
            }
        )
        self.flat, self.unflat = nn.Flatten(1), nn.Unflatten(2, (2, 2))
        self.bn.running_mean += torch.rand(4)  # type: ignore[operator]

    def forward(self, x: Tensor, lengths: Tensor | None = None, mask: Any = None, scale: float = 1.0) -> Any:
        if lengths is not None:
            x = x * (torch.arange(x.shape[1])[:, None] < lengths[:, None, None])
        return self.body(self, x)


TAKEN: dict[str, Forward] = {
    "views": lambda m, x: m.d(m.s(m.e(x).clone().view(x.shape[0], -1, 2, 2).reshape(x.size(0), x.size(1), 4))),
    "permute contiguous": lambda m, x: m.d(m.s(m.e(x).permute(0, 2, 1).contiguous().permute(0, 2, 1))).mean(1),
    "a batch of one": lambda m, x: m.d(m.e(x).unsqueeze(0).squeeze(0)).mean(1),
    "steps in one": lambda m, x: m.d(m.e(x.reshape(-1, 2)).reshape(x.shape[0], x.shape[1], 4)).mean(1),
    "time first": lambda m, x: m.d(m.e(x.transpose(0, 1)).transpose(0, 1)).mean(1),
    "numpy's axis": lambda m, x: m.d(m.e(x)).mean(axis=1),
    "a pool to one step": lambda m, x: m.d(m.one(m.e(x).mT).squeeze(-1)),
    "the last step flat": lambda m, x: m.d(m.flat(m.e(x)[:, -1:])),
    "unflatten": lambda m, x: m.d(m.unflat(m.e(x)).flatten(2)).mean(1),
    "F.batch_norm": lambda m, x: m.d(
        F.batch_norm(m.e(x).mT, m.bn.running_mean, m.bn.running_var, m.bn.weight, m.bn.bias, False).mT
    ),
    "F.conv1d": lambda m, x: m.d(F.conv1d(m.e(x).mT, m.c1.weight, m.c1.bias).mT),
    "einsum of a matrix": lambda m, x: m.d(torch.einsum("bld,de->bel", m.e(x), m.w).mT),
    "einsum of gains": lambda m, x: m.d(torch.einsum("b l d, d -> b l d", m.e(x), m.gain)),
    "a split in a loop": lambda m, x: m.d(torch.cat([y * 2 for y in torch.split(m.e(x), [1, 3], dim=-1)], dim=-1)),
    "chunks in a loop": lambda m, x: m.d(torch.cat([torch.tanh(y) for y in m.e(x).chunk(2, -1)], -1)),
    "channels by a list": lambda m, x: m.d(m.e(x)[..., [3, 2, 1, 0]]),
    "index_select": lambda m, x: m.d(m.e(x).index_select(-1, torch.tensor([3, 1, 1, 0]))),
    "stack": lambda m, x: m.d(torch.stack([m.e(x)[..., i] for i in (2, 0, 1, 3)], -1)),
    "alpha": lambda m, x: m.d(torch.sub(torch.add(m.e(x), m.e(x), alpha=2), m.gain, alpha=3)),
    "axes of the input": lambda m, x: m.d(m.e(x)) if x.dim() == 3 and x.ndim == 3 else x,
    "clamp": lambda m, x: (
        m.d(m.e(x).clamp(min=-0.1)) + m.d(m.e(x).clamp(-0.2, 0.3)) - m.d(torch.clamp(m.e(x), max=0.1))
    ),
    "abs": lambda m, x: m.d(torch.abs(m.e(x)) + m.e(x).abs()),
    "prelu of channels": lambda m, x: m.d(F.prelu(m.e(x).mT, m.gain).mT),
    "functions of ReLUs": lambda m, x: m.d(F.elu(F.leaky_relu(m.e(x), 0.1)) + F.hardswish(F.relu6(m.e(x)))),
    "one named answer": lambda m, x: {"logits": m.d(m.e(x)).mean(1)},
    "a checkpoint": lambda m, x: torch.utils.checkpoint.checkpoint(lambda y: m.d(m.e(y)), x, use_reentrant=False),
    **{name: lambda m, x, name=name: m.d(m.acts[name](m.e(x))) for name in Odd(lambda m, x: x).acts},
}


@pytest.mark.parametrize("case", TAKEN)
def test_taken_with_the_same_numbers(case: str) -> None:
    module = Odd(TAKEN[case]).eval()
    samples = np.random.default_rng(0).normal(size=(2, 9, 2))
    assert compare_with_module(trace(module, 2, run=outputs), module, samples, outputs) < 1e-9


def fails() -> Tensor:
    raise ValueError("my own trouble")


# What no design has, by the words that say what to write instead.
REFUSED: dict[str, tuple[Forward, str]] = {
    "positions": (lambda m, x: m.d(m.e(x) + m.pos), "it may differ between channels alone"),
    "positions cut": (lambda m, x: m.d(m.e(x) + m.pos[:, : x.shape[1]]), "leave position embeddings out"),
    "LSTM": (lambda m, x: m.d(m.lstm(m.e(x))[0]), "its gates are no linear recurrence; use a state-space layer"),
    "attention": (lambda m, x: m.d(m.mha(m.e(x), m.e(x), m.e(x))[0]), "it mixes the steps of a sequence"),
    "taps": (lambda m, x: m.d(m.c3(m.e(x).mT).mT), "Conv1d of 3 taps looks 2 steps ahead"),
    "F.conv1d of taps": (lambda m, x: m.d(F.conv1d(m.e(x).mT, m.c3.weight).mT), "looks 2 steps ahead"),
    "pool": (lambda m, x: m.d(m.pool(m.e(x).mT).mT), "it mixes the steps of a sequence"),
    "stride": (lambda m, x: m.d(m.e(x)[:, ::2]), "x[:, -1] and x.mean(1) read the time axis at the end"),
    "fft": (lambda m, x: m.d(torch.fft.irfft(torch.fft.rfft(m.e(x), dim=1), dim=1)), "only a linear recurrence"),
    "tokens": (lambda m, x: m.d(m.embedding(x[..., 0].long())), "one-hot samples of as many channels as there are"),
    "max": (lambda m, x: m.d(m.e(x).max(1).values), "take the mean over time"),
    "std": (lambda m, x: m.d(m.e(x) / m.e(x).std(1, keepdim=True)), "it needs statistics of other steps"),
    "group norm": (lambda m, x: m.d(m.gn(m.e(x).mT).mT), "use torch.nn.LayerNorm or RMSNorm over the channels"),
    "F.normalize": (lambda m, x: m.d(F.normalize(m.e(x), dim=-1)), "normalise by torch.nn.LayerNorm or RMSNorm"),
    "a loop over parts": (
        lambda m, x: torch.stack([m.d(s) for s in x.unbind(1)], 1),
        "may stand in a registered layer",
    ),
    "a loop by numbers": (lambda m, x: [m.d(x[:, t]) for t in range(x.shape[1])], "may stand in a registered layer"),
    "a length as a number": (lambda m, x: x[:, : int(x.shape[1] / 2)], "turn a length into a Python number"),
    "numpy": (lambda m, x: torch.from_numpy(m.d(m.e(x)).detach().numpy()), "or leave torch"),
    "where": (lambda m, x: m.e(torch.where(x > 0, x, 0 * x)), "a design has no branches; use an activation"),
    "bmm": (lambda m, x: torch.bmm(m.e(x), m.e(x).mT), "mix channels by torch.nn.Linear"),
    "bilinear": (lambda m, x: m.d(m.bi(m.e(x), m.e(x))), "mix channels by torch.nn.Linear"),
    "attention by softmax": (lambda m, x: (m.e(x).softmax(1) * m.e(x)).sum(1), "the largest answer stays the largest"),
    "argmax": (lambda m, x: m.d(m.e(x)).mean(1).argmax(-1), "leave it out of the model"),
    "sorted": (lambda m, x: m.d(m.e(x).sort(-1).values), "leave it out of the model"),
    "sum of steps": (lambda m, x: m.d(m.e(x).sum(1)), "a sum over time grows without bound"),
    "sine": (lambda m, x: m.d(torch.sin(m.e(x))), "use GELU, SiLU, ReLU, Sigmoid or Tanh"),
    "length as a number": (lambda m, x: m.d(m.e(x) * x.shape[1]), "a design knows no length"),
    "mean of all": (lambda m, x: m.d(m.e(x)).mean(), "a mean must be over time"),
    "mean of the batch": (lambda m, x: m.d(m.e(x) - m.e(x).mean(0)), "a mean must be over time"),
    "repeat": (lambda m, x: m.d(m.e(x).repeat(1, 1, 2)[..., :4]), "repeat the rows of the torch.nn.Linear"),
    "pad": (lambda m, x: m.d(F.pad(m.e(x), (0, 0, 0, 1))[:, 1:]), "pad the past alone"),
    "instance norm": (lambda m, x: m.d(F.instance_norm(m.e(x).mT).mT), "it needs statistics of other steps"),
    "own trouble": (lambda m, x: fails(), "my own trouble"),
    "no tensor": (lambda m, x: type(x)(x), "the model must return one tensor of its input, not a "),
    "a constant": (lambda m, x: torch.zeros(2, 3), "the model must return one tensor of its input, not a Tensor of 2"),
    "einsum of steps": (lambda m, x: torch.einsum("bld,bmd->blm", x, x), "of one value of the input and weights"),
    "a tuple": (lambda m, x: m.e(x).chunk(2, -1).transpose(1, 2), "of what a layer returns, a tuple of 2"),
}


@pytest.mark.parametrize("case", REFUSED)
def test_refused_with_a_sentence(case: str) -> None:
    forward, words = REFUSED[case]
    with pytest.raises(UnsupportedModelError) as caught:
        trace(Odd(forward), 2, run=outputs)
    assert words in str(caught.value)
    assert "\n" not in str(caught.value)


class Unrolled(nn.Module):
    """A layer that loops over steps, which no handler knows."""

    def forward(self, u: Tensor) -> Tensor:
        return torch.stack([step / 2 for step in u.unbind(1)], 1)


def test_a_layer_that_cannot_be_traced_may_be_declared() -> None:
    with pytest.raises(UnsupportedModelError, match="if Unrolled is linear and time-invariant, give lti='Unrolled'"):
        calls_of(nn.Sequential(nn.Linear(2, 2), Unrolled()))


def test_wrappers_within_a_model() -> None:
    inner = nn.Sequential(nn.DataParallel(nn.Linear(2, 3)), torch.compile(nn.Linear(3, 2)), nn.Tanh())
    average = torch.optim.swa_utils.AveragedModel(inner[0])
    samples = np.random.default_rng(0).normal(size=(2, 9, 2))
    for module in (inner, average, nn.DataParallel(inner)):
        plain = trace(module, 2, run=outputs)
        assert compare_with_module(plain, module, samples, outputs) < 1e-9
    assert isinstance(inner[0], nn.DataParallel)
