"""Names: wrappers, averaged copies, what training keeps beside the weights, and the names of flax."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from torch import nn

from frontend.importing.stacks import Sequence, Stack
from frontend.layers import lookalikes
from qssmc.driver.importing import import_model, what_is
from qssmc.frontend.importing.names import copies_of

Wrap = Any
X = np.random.default_rng(1).normal(size=(2, 20, 1)).astype(np.float32)
GIVEN = {"norm-position": "post", "activation": "gelu", "residual": "yes", "discretization": "zoh"}


def prefixed(state: dict[str, torch.Tensor], prefix: str) -> dict[str, torch.Tensor]:
    return {prefix + name: tensor for name, tensor in state.items()}


WRAPPERS: dict[str, Wrap] = {
    "bare": lambda state: state,
    "under model, with counters": lambda state: {"model": state, "acc": 1.0, "epoch": 3, "optimizer": {"state": {}}},
    "lightning": lambda state: {"state_dict": prefixed(state, "model."), "hyper_parameters": {"d_model": 4}},
    "compiled, in parallel": lambda state: prefixed(state, "_orig_mod.module."),
    "with metrics": lambda state: {**prefixed(state, "net."), "train_acc.total": torch.tensor(3)},
    "a module in a module": lambda state: {"state_dict": prefixed(state, "module.model.")},
}


def expect(tmp_path: Path, model: nn.Module) -> tuple[Path, Path]:
    with torch.no_grad():
        np.save(tmp_path / "y.npy", model.eval()(torch.from_numpy(X)).numpy())
    np.save(tmp_path / "x.npy", X)
    return tmp_path / "x.npy", tmp_path / "y.npy"


@pytest.mark.parametrize("wrapper", WRAPPERS)
def test_wrappers_come_off(wrapper: str, tmp_path: Path) -> None:
    model = Sequence().eval()
    torch.save(WRAPPERS[wrapper](model.state_dict()), tmp_path / "w.ckpt")
    assert import_model(tmp_path / "w.ckpt", expect(tmp_path, model), GIVEN).error < 1e-5
    assert "a PyTorch state dict with 2 S4D layers, 4 heads, 3 states; run: qssmc import" in what_is(
        tmp_path / "w.ckpt"
    )


@pytest.mark.parametrize("copy", ["model", "ema"])
def test_the_copy_that_answered_is_found(copy: str, tmp_path: Path) -> None:
    plain, averaged = Sequence().eval(), Sequence().eval()
    states = {**prefixed(plain.state_dict(), "model."), **prefixed(averaged.state_dict(), "ema_model.module.")}
    torch.save({"state_dict": states, "ema_model.n_averaged": torch.tensor(7)}, tmp_path / "w.ckpt")
    found = import_model(tmp_path / "w.ckpt", expect(tmp_path, plain if copy == "model" else averaged), GIVEN)
    assert found.reading.answers["weights"] == copy


def test_half_precision_is_read_as_the_numbers_that_it_holds(tmp_path: Path) -> None:
    model = Sequence().bfloat16().float().eval()
    torch.save({name: tensor.bfloat16() for name, tensor in model.state_dict().items()}, tmp_path / "w.pt")
    assert import_model(tmp_path / "w.pt", expect(tmp_path, model), GIVEN).error < 1e-5


def test_safetensors_alone_in_a_folder_and_in_shards(tmp_path: Path) -> None:
    from safetensors.torch import save_file

    model = Sequence().bfloat16().float().eval()
    state = {f"model.{name}": tensor.bfloat16().contiguous() for name, tensor in model.state_dict().items()}
    answers = expect(tmp_path, model)
    save_file(state, tmp_path / "w.safetensors")
    assert import_model(tmp_path / "w.safetensors", answers, GIVEN).error < 1e-5
    folder = tmp_path / "hub"
    folder.mkdir()
    (folder / "config.json").write_text('{"model_type": "s4d"}')
    save_file(state, folder / "model.safetensors")
    assert what_is(folder).startswith(f"{folder} is a HuggingFace folder with 2 S4D layers")
    assert import_model(folder, answers, GIVEN).error < 1e-5
    (folder / "model.safetensors").unlink()
    names = sorted(state)
    save_file({name: state[name] for name in names[:9]}, folder / "model-1-of-2.safetensors")
    save_file({name: state[name] for name in names[9:]}, folder / "model-2-of-2.safetensors")
    shards = {name: f"model-{1 if name in names[:9] else 2}-of-2.safetensors" for name in names}
    (folder / "model.safetensors.index.json").write_text(str({"weight_map": shards}).replace("'", '"'))
    assert import_model(folder, answers, GIVEN).error < 1e-5


def test_arrays_of_flax(tmp_path: Path) -> None:
    model = Stack(lambda: lookalikes.S5SSM(4), channels=1, act=nn.GELU(), mixing="half").eval()
    arrays: dict[str, np.ndarray] = {}
    for name, tensor in model.state_dict().items():
        list_, number, own = [*name.split("."), "", ""][:3]
        array = tensor.numpy()
        if list_ == "layers":
            arrays[f"params/encoder/layers_{number}/seq/{own}"] = array
        elif list_ == "norms":
            arrays[f"params/encoder/layers_{number}/norm/{'scale' if own == 'weight' else own}"] = array
        elif list_ == "out1":
            arrays[f"params/encoder/layers_{number}/out2/{'kernel' if own == 'weight' else own}"] = array.T
        else:
            place = "encoder/encoder" if list_ == "encoder" else list_
            arrays[f"params/{place}/{'kernel' if number == 'weight' else number}"] = array.T
    np.savez(tmp_path / "w.npz", **arrays)
    found = import_model(tmp_path / "w.npz", expect(tmp_path, model), {"norm-position": "pre"})
    assert found.reading.stack.told == "2 S5 layers, 4 channels, 4 states"
    assert found.reading.answers["mixing"] == "gate"
    assert found.error < 1e-4  # flax adds 1e-6 to the variance, torch, which answered here, 1e-5


def test_weight_norm_is_multiplied_out() -> None:
    arrays = {"mix.weight_g": np.array([[2.0]]), "mix.weight_v": np.array([[3.0, 4.0]])}
    assert copies_of(arrays)["model"]["mix.weight"].tolist() == [[1.2, 1.6]]
    parametrised = {
        "mix.parametrizations.weight.original0": np.array([[2.0]]),
        "mix.parametrizations.weight.original1": np.array([[3.0, 4.0]]),
    }
    assert copies_of(parametrised)["model"]["mix.weight"].tolist() == [[1.2, 1.6]]
