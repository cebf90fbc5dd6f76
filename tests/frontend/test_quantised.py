"""Fake quantisation of torch, traced: the integers of torch's own forward, at every quantiser, and what is refused."""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
import pytest
import torch
import torch.ao.quantization as ao
from numpy.typing import NDArray
from torch import nn
from torch.ao.quantization.fx import _decomposed  # noqa: F401 - registers quantized_decomposed
from torch.nn.utils import parametrize
from torch.overrides import TorchFunctionMode

import qssmc
from qssmc.errors import UnsupportedModelError, UsageError
from qssmc.ir.graph import Graph
from qssmc.ir.ops import Cast, Matvec
from qssmc.models import S4D
from qssmc_sim import run

FORMAT = qssmc.InputFormat(8, 6, True)
Q = torch.ops.quantized_decomposed


class Rounded(nn.Module):
    """A call of torch.fake_quantize_per_tensor_affine."""

    def __init__(self, scale: float, zero_point: int = 0, low: int = -128, high: int = 127) -> None:
        super().__init__()
        self.grid = (scale, zero_point, low, high)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return torch.fake_quantize_per_tensor_affine(x, *self.grid)


class ByRow(nn.Module):
    """A call of torch.fake_quantize_per_channel_affine along axis 0, for weights."""

    def __init__(self, scale: torch.Tensor) -> None:
        super().__init__()
        self.register_buffer("scale", scale)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return torch.fake_quantize_per_channel_affine(x, self.scale, torch.zeros(len(self.scale)), 0, -8, 7)


class Net(nn.Module):
    """Linear layers with weights and activations on grids, a residual, a ReLU and a GELU, and a mean at the end."""

    def __init__(self, units: Sequence[float] = (1.0,) * 5, ssm: nn.Module | None = None) -> None:
        super().__init__()
        self.encoder, self.mixing, self.decoder = nn.Linear(1, 4), nn.Linear(4, 4), nn.Linear(4, 3)
        self.last = nn.Linear(4, 4)
        self.ssm = nn.Identity() if ssm is None else ssm
        for layer in (self.encoder, self.last, self.decoder):
            parametrize.register_parametrization(layer, "weight", Rounded(units[0] * 2.0**-6))
        parametrize.register_parametrization(
            self.mixing, "weight", ByRow(units[1] * torch.tensor([0.25, 0.125, 0.0625, 0.25]))
        )
        self.first, self.second = Rounded(units[0] * 2.0**-5), Rounded(units[1] * 2.0**-4, 3)
        self.third, self.fourth = Rounded(units[2] * 2.0**-5, -90), Rounded(units[3] * 2.0**-4, 10)
        self.fifth = Rounded(units[4] * 2.0**-4, 0)

    def forward(self, u: torch.Tensor) -> torch.Tensor:
        x = self.first(self.encoder(u))
        y = self.third(nn.functional.gelu(self.second(self.ssm(x))))
        y = self.fourth(torch.relu(self.mixing(y)))
        return self.decoder(self.fifth(self.last(y) + x).mean(1))


class Seen(TorchFunctionMode):
    """The integers, without zero point, that torch's own fake quantisation of activations gives, in float32."""

    def __init__(self) -> None:
        super().__init__()
        self.integers: list[NDArray[np.float64]] = []

    def __torch_function__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        found = func(*args, **(kwargs or {}))
        if func.__name__ == "fake_quantize_per_tensor_affine" and found.ndim == 3:
            self.integers.append(np.rint(found.double().numpy() / float(args[1])))
        return found


def integers(rng: int = 0, length: int = 40) -> NDArray[np.int64]:
    return np.random.default_rng(rng).integers(-128, 128, (6, length, 1))


def at_casts(graph: Graph, samples: NDArray[np.int64], names: list[str]) -> list[NDArray[np.int64]]:
    """The design's integers at some values, (batch, length, n) each."""
    rows: dict[str, list[NDArray[Any]]] = {name: [] for name in names}
    run(graph, samples, lambda t, v: [rows[name].append(v[name]) for name in names if name in v])
    return [np.stack(row, axis=1) for row in rows.values()]


def compared(module: nn.Module, **options: Any) -> tuple[qssmc.CompiledDesign, list[tuple[NDArray[Any], NDArray[Any]]]]:
    """A design, and at every quantiser torch's integers and the design's on sequences that it was not calibrated on."""
    design = qssmc.compile(module, calibration=integers(), input_format=FORMAT, **options)
    samples = integers(1)
    with Seen() as seen, torch.no_grad():
        module(torch.from_numpy(samples / 64.0).float())
    names = [op.name for op in design.stages.canonical.ops if isinstance(op, Cast)]
    ours = at_casts(design.stages.golden, samples, names)
    assert len(seen.integers) == len(names)
    return design, list(zip(seen.integers, ours, strict=True))


def report_of(design: qssmc.CompiledDesign) -> dict[str, Any]:
    found: dict[str, Any] = json.loads(design.files["report/trained_quantisation.json"])
    return found


def test_powers_of_two_are_torchs_integers_at_every_quantiser() -> None:
    design, pairs = compared(Net())
    assert len(pairs) == 5
    for wanted, found in pairs:
        assert np.array_equal(wanted, found)
        assert len(np.unique(found)) > 10
    assert {op.name for op in design.stages.quantised.ops if isinstance(op, Cast) and "_total" not in op.name} == {
        "first_cast", "second_cast", "third_cast", "fourth_cast", "fifth_cast", "mean_steps_n_q",
    }  # fmt: skip


def test_weights_are_torchs_integers_after_all_passes() -> None:
    net = Net()
    design, _ = compared(net)
    for layer in (net.encoder, net.mixing):
        product = design.stages.golden[{id(net.encoder): "encoder", id(net.mixing): "mixing"}[id(layer)]]
        assert isinstance(product, Matvec)
        scale = 2.0**-6 if layer is net.encoder else np.array([[0.25], [0.125], [0.0625], [0.25]])
        assert np.array_equal(product.weight.data * scale, layer.weight.detach().double().numpy())


def test_real_scales_are_off_by_single_units_and_the_report_says_how_often() -> None:
    design, pairs = compared(Net((1.137, 0.91, 1.3, 0.77, 1.019)))
    rows = report_of(design)["quantisers"]
    assert [row["power_of_two"] for row in rows] == [False] * 5
    for (wanted, found), row in zip(pairs, rows, strict=True):
        assert np.abs(wanted - found).max() <= 1
        assert (wanted != found).mean() < 0.05
        assert row["largest"] <= 1
        assert row["differ"] / row["of"] < 0.05


def test_a_model_that_is_quantised_in_part_keeps_that_part() -> None:
    said: list[str] = []
    design, pairs = compared(Net(ssm=S4D(4, 4)), say=said.append)
    assert np.array_equal(*pairs[0]), "what stands before the state-space layer is exact"
    report = report_of(design)
    assert {"ssm_bu.b_bar", "ssm_cx.c", "ssm_ax_d.lambda_bar"} <= set(report["added"]["tables"])
    assert {row["name"] for row in report["tables"]} >= {"encoder.weight", "mixing.weight"}
    assert any("5 quantisers and 4 tables of the model are kept as they are" in sentence for sentence in said)
    assert any("the passes chose the grids of" in sentence and "%ssm_cx.c" in sentence for sentence in said)


@pytest.mark.parametrize("option", ["heads", "channels"])
def test_pruning_of_trained_weights_is_refused(option: str) -> None:
    net = nn.Sequential(nn.Linear(1, 4), S4D(4, 2), nn.GELU(), nn.Linear(4, 4), nn.Linear(4, 2))
    for at in (3, 4):
        parametrize.register_parametrization(net[at], "weight", Rounded(2.0**-6))
    options: dict[str, Any] = {option: 2}
    with pytest.raises(UsageError, match=rf"--{option} 2: the weights of [34] were trained on a grid.*leave it out"):
        qssmc.compile(net, calibration=integers(), input_format=FORMAT, **options)


def to_steps_first(u: torch.Tensor) -> torch.Tensor:
    return torch.round((u / 0.0625).clamp(-7, 7)) * 0.0625


def with_zero_point(u: torch.Tensor) -> torch.Tensor:
    return (torch.clamp(torch.round(u * 16.0) + 3, 0, 15) - 3) / 16.0


def straight_through(u: torch.Tensor) -> torch.Tensor:
    steps = u / 0.0625
    whole = steps + (steps.round() - steps).detach()
    return u + (torch.clamp(whole, min=-8, max=7) * 0.0625 - u).detach()


@pytest.mark.parametrize(
    ("call", "ends"), [(to_steps_first, (-7, 7)), (with_zero_point, (-3, 12)), (straight_through, (-8, 7))]
)
def test_fake_quantisation_written_out_is_found(
    call: Callable[[torch.Tensor], torch.Tensor], ends: tuple[int, int]
) -> None:
    design = qssmc.compile(Calls(call), calibration=integers(), input_format=FORMAT)
    (row,) = report_of(design)["quantisers"]
    assert (row["scale"], row["low"], row["high"]) == ([0.0625, 0.0625], *ends)
    samples, golden = integers(1), design.stages.golden
    found = run(golden, samples).outputs["y"] * golden.scales[golden.outputs[0].value].data
    assert np.array_equal(found, call(torch.from_numpy(samples / 64.0)).numpy())


class WrittenOut(nn.Linear):
    """A weight that is rounded in plain arithmetic, straight through."""

    def forward(self, u: torch.Tensor) -> torch.Tensor:
        rounded = torch.clamp(torch.round(self.weight / 0.125), -8, 7) * 0.125
        return nn.functional.linear(u, self.weight + (rounded - self.weight).detach(), self.bias)


def test_a_weight_that_is_rounded_in_plain_arithmetic_keeps_its_grid() -> None:
    design = qssmc.compile(
        nn.Sequential(WrittenOut(1, 3), Rounded(2.0**-5)), calibration=integers(), input_format=FORMAT
    )
    (table,) = report_of(design)["tables"]
    assert (table["bits"], table["scale"]) == (4, [0.125, 0.125])
    assert [row["differ"] for row in report_of(design)["quantisers"]] == [0]


def calibrated(module: nn.Module) -> nn.Module:
    with torch.no_grad():
        module(torch.from_numpy(integers() / 64.0).float())
    return module.apply(ao.disable_observer)


POWERS = ao.QConfig(
    activation=ao.FakeQuantize.with_args(
        observer=ao.MovingAverageMinMaxObserver, quant_min=0, quant_max=255, dtype=torch.quint8
    ),
    weight=ao.FakeQuantize.with_args(
        observer=ao.MovingAveragePerChannelMinMaxObserver, quant_min=-128, quant_max=127, dtype=torch.qint8,
        qscheme=torch.per_channel_symmetric, ch_axis=0,
    ),
)  # fmt: skip


class Eager(nn.Module):
    """As torch.ao.quantization.prepare_qat wants it: a stub in front, a functional sum."""

    def __init__(self) -> None:
        super().__init__()
        self.quant, self.dequant = ao.QuantStub(), ao.DeQuantStub()
        self.encoder, self.mixing, self.relu = nn.Linear(1, 4), nn.Linear(4, 4), nn.ReLU()
        self.sum = torch.ao.nn.quantized.FloatFunctional()

    def forward(self, u: torch.Tensor) -> torch.Tensor:
        x = self.encoder(self.quant(u))
        return self.dequant(self.sum.add(self.relu(self.mixing(x)), x))


@pytest.mark.parametrize("fused", [False, True])
def test_eager_quantised_training_with_hooks_and_fused_relu(fused: bool) -> None:
    model = Eager().train()
    if fused:
        model = ao.fuse_modules_qat(model, [["mixing", "relu"]])
    model.qconfig = POWERS  # type: ignore[assignment]
    model = calibrated(ao.prepare_qat(model)).eval()
    design, pairs = compared(model)
    assert len(pairs) == 4
    assert {row["name"] for row in report_of(design)["tables"]} == (
        {"encoder.weight", "mixing_linear.weight"} if fused else {"encoder.weight", "mixing.weight"}
    )
    for wanted, found in pairs:
        assert np.abs(wanted - found).max() <= 1


class Exported(nn.Module):
    """What a converted graph computes: weights of int8, and pairs of quantise and dequantise."""

    def __init__(self) -> None:
        super().__init__()
        rng = np.random.default_rng(3)
        self.register_buffer("weight", torch.from_numpy(rng.integers(-127, 128, (3, 1))).to(torch.int8))
        self.register_buffer("mixing", torch.from_numpy(rng.integers(-127, 128, (2, 3))).to(torch.int8))
        self.register_buffer("bias", torch.tensor([205, -410, 614], dtype=torch.int32))
        self.register_buffer("scales", torch.tensor([0.0078125, 0.015625]))

    def forward(self, u: torch.Tensor) -> torch.Tensor:
        grid = (0.03125, -5, -128, 127, torch.int8)
        x = Q.dequantize_per_tensor(Q.quantize_per_tensor(u, *grid), *grid)
        weight = Q.dequantize_per_tensor(self.weight, 0.015625, 0, -127, 127, torch.int8)
        bias = Q.dequantize_per_tensor(self.bias, 0.015625 * 0.03125, 0, -(2**31), 2**31 - 1, torch.int32)
        y = torch.ops.aten.relu.default(torch.ops.aten.linear.default(x, weight, bias))
        y = Q.dequantize_per_tensor(Q.quantize_per_tensor(y, *grid), *grid)
        mixing = Q.dequantize_per_channel(self.mixing, self.scales, None, 0, -127, 127, torch.int8)
        return torch.ops.aten.linear.default(y, mixing)


@pytest.mark.parametrize("exported", [False, True])
def test_graphs_of_quantise_and_dequantise_as_export_gives_them(exported: bool) -> None:
    model = Exported().eval()
    given = torch.from_numpy(integers() / 64.0).float()
    design = qssmc.compile(
        torch.export.export(model, (given,)).module() if exported else model,
        calibration=integers(),
        input_format=FORMAT,
    )
    samples = integers(1)
    with torch.no_grad():
        wanted = model(torch.from_numpy(samples / 64.0).float()).double().numpy()
    golden = design.stages.golden
    output = golden.outputs[0]
    found = run(golden, samples).outputs[output.name] * golden.scales[output.value].data
    assert np.array_equal(found, wanted)
    assert not report_of(design)["added"]["values"]
    assert not report_of(design)["added"]["tables"]


def test_the_module_itself_stays_as_it_is() -> None:
    net = Net()
    before = {name: value.clone() for name, value in net.state_dict().items()}
    qssmc.compile(net, calibration=integers(), input_format=FORMAT)
    assert all(torch.equal(before[name], value) for name, value in net.state_dict().items())
    assert parametrize.is_parametrized(net.encoder)


def uncalibrated() -> nn.Module:
    return nn.Sequential(nn.Linear(1, 2), ao.FakeQuantize(), nn.Linear(2, 1))


def observed() -> nn.Module:
    return nn.Sequential(nn.Linear(1, 2), ao.MinMaxObserver(), nn.Linear(2, 1))


def dynamic() -> nn.Module:
    return torch.ao.quantization.quantize_dynamic(nn.Sequential(nn.Linear(1, 2)), {nn.Linear})


class Calls(nn.Module):
    """A forward of one function."""

    def __init__(self, call: Callable[[torch.Tensor], Any]) -> None:
        super().__init__()
        self.call = call

    def forward(self, u: torch.Tensor) -> Any:
        return self.call(u)


def mean_first(u: torch.Tensor) -> torch.Tensor:
    return torch.fake_quantize_per_tensor_affine(u.mean(1), 0.1, 0, -8, 7) * 2.0


def mismatched(u: torch.Tensor) -> torch.Tensor:
    quantised = Q.quantize_per_tensor(u, 0.5, 0, -8, 7, torch.int8)
    return Q.dequantize_per_tensor(quantised, 0.25, 0, -8, 7, torch.int8)


def of_the_moment(u: torch.Tensor) -> torch.Tensor:
    scale, zero_point = Q.choose_qparams(u, -128, 127, 1e-6, torch.int8)
    return Q.dequantize_per_tensor(Q.quantize_per_tensor(u, scale, zero_point, -8, 7, torch.int8), scale, 0, -8, 7)


@pytest.mark.parametrize(
    ("make", "told"),
    [
        (uncalibrated, r"1: FakeQuantize is not calibrated.*run the model on data once"),
        (observed, r"MinMaxObserver watches and rounds nothing; use FakeQuantize"),
        (dynamic, r"Linear is converted already; give the model before convert"),
        (lambda: nn.Sequential(Rounded(0.0)), r"has the scale 0; scales must be positive and finite"),
        (lambda: nn.Sequential(Rounded(float("nan"))), r"has the scale nan; scales must be positive"),
        (
            lambda: nn.Sequential(Rounded(0.1, 0, -(2**20), 2**20)),
            r"levels -1048576 to 1048576; give 2 to 2\^16",
        ),
        (lambda: Calls(mean_first), r"the mean over time .* is quantised.*leave the fake quantisation of the mean out"),
        (lambda: Calls(mismatched), r"dequantize_per_tensor with another scale or zero point than the quantise before"),
        (lambda: Calls(of_the_moment), r"choose_qparams quantises with scales of the moment; a design has fixed ones"),
        (lambda: Calls(lambda u: Q.quantize_per_tensor(u, 0.5, 0, -8, 7, torch.int8) + 1), r"dequantise before it"),
        (lambda: Calls(lambda u: torch.round(u / 0.1) * 0.1), r"round;.*torch.fake_quantize_per_tensor_affine"),
    ],
)
def test_what_is_refused_says_what_to_do(make: Callable[[], nn.Module], told: str) -> None:
    with pytest.raises(UnsupportedModelError, match=told):
        qssmc.compile(make(), calibration=integers(), input_format=FORMAT)
