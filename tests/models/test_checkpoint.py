"""Checkpoints: what is saved comes back, and nothing but a sound checkpoint is read."""

from __future__ import annotations

import json
import pickle
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from qssmc.data import InputFormat
from qssmc.errors import MalformedInputError, UsageError
from qssmc.models import Checkpoint, ModelConfig, SequenceModel, load_checkpoint, save_checkpoint

SUFFIXES = (".pt", ".safetensors")
EIGHT_BITS = InputFormat(8, 8, signed=False)


@pytest.fixture
def checkpoint() -> Checkpoint:
    config = ModelConfig(d_model=4, d_state=3, norm="batch")
    samples = np.arange(5 * 16, dtype=np.uint8).reshape(5, 16, 1)
    provenance = {"command": "qssmc train", "test_accuracy": 0.5, "options": {"lr": 0.01, "seed": 0}}
    return Checkpoint(config, SequenceModel(config).state_dict(), EIGHT_BITS, 16, samples, provenance)


@pytest.mark.parametrize("suffix", SUFFIXES)
def test_a_checkpoint_survives_the_round_trip(tmp_path, checkpoint, suffix):
    save_checkpoint(checkpoint, tmp_path / f"model{suffix}")
    back = load_checkpoint(tmp_path / f"model{suffix}")
    assert (back.config, back.input_format, back.sequence_length) == (checkpoint.config, EIGHT_BITS, 16)
    assert back.provenance == checkpoint.provenance
    assert np.array_equal(back.calibration, checkpoint.calibration)
    assert back.calibration.dtype == checkpoint.calibration.dtype
    assert back.state.keys() == checkpoint.state.keys()
    assert all(torch.equal(back.state[name], tensor) for name, tensor in checkpoint.state.items())
    u = torch.randn(2, 16, 1)
    assert torch.equal(back.build()(u), checkpoint.build()(u))


@pytest.mark.parametrize("suffix", SUFFIXES)
def test_a_checkpoint_without_calibration_survives_too(tmp_path, checkpoint, suffix):
    save_checkpoint(replace(checkpoint, calibration=None), tmp_path / f"model{suffix}")
    assert load_checkpoint(tmp_path / f"model{suffix}").calibration is None


@pytest.mark.parametrize("suffix", SUFFIXES)
def test_the_same_checkpoint_is_the_same_bytes_under_any_name(tmp_path, checkpoint, suffix):
    for name in ("a", "longer"):
        save_checkpoint(checkpoint, tmp_path / f"{name}{suffix}")
    assert (tmp_path / f"a{suffix}").read_bytes() == (tmp_path / f"longer{suffix}").read_bytes()
    assert sorted(path.name for path in tmp_path.iterdir()) == [f"a{suffix}", f"longer{suffix}"]


def test_a_failed_save_leaves_nothing(tmp_path, checkpoint):
    with pytest.raises(UsageError, match=r"provenance\.x must be text, numbers, lists or tables, not object"):
        save_checkpoint(replace(checkpoint, provenance={"x": object()}), tmp_path / "model.safetensors")
    assert list(tmp_path.iterdir()) == []


class Trap:
    """A pickle of this would make a file when it is read."""

    def __init__(self, marker: Path) -> None:
        self.marker = marker

    def __reduce__(self) -> tuple[Callable[..., Any], tuple[str, str]]:
        return open, (str(self.marker), "w")


@pytest.mark.parametrize("writer", ["torch", "pickle"])
def test_a_pickle_that_wants_code_is_refused_and_does_not_run(tmp_path, writer):
    path, marker = tmp_path / "model.pt", tmp_path / "ran"
    if writer == "torch":
        torch.save({"format": "qssmc.checkpoint", "state": Trap(marker)}, path)
    else:
        path.write_bytes(pickle.dumps(Trap(marker)))
    with pytest.raises(MalformedInputError, match="pickle with code"):
        load_checkpoint(path)
    assert not marker.exists()
    pickle.loads(pickle.dumps(Trap(marker))).close()
    assert marker.exists(), "the trap itself must work, or this test shows nothing"


@pytest.mark.parametrize("suffix", SUFFIXES)
def test_a_truncated_file_is_refused(tmp_path, checkpoint, suffix):
    path = tmp_path / f"model{suffix}"
    save_checkpoint(checkpoint, path)
    whole = path.read_bytes()
    for kept in (0, 1, 7, 100, len(whole) // 2, len(whole) - 1):
        path.write_bytes(whole[:kept])
        with pytest.raises(MalformedInputError, match=r"model\."):
            load_checkpoint(path)


@pytest.mark.parametrize("suffix", SUFFIXES)
def test_a_damaged_file_is_read_or_refused_and_nothing_else(tmp_path, checkpoint, suffix):
    path = tmp_path / f"model{suffix}"
    save_checkpoint(checkpoint, path)
    whole = path.read_bytes()
    random = np.random.default_rng(0)
    refused = 0
    for place in random.integers(0, len(whole), 150):
        damaged = bytearray(whole)
        damaged[place] ^= 1 << int(random.integers(8))
        path.write_bytes(damaged)
        try:
            load_checkpoint(path)
        except MalformedInputError:
            refused += 1
    assert refused > 0


def test_a_missing_file_and_other_files_are_refused(tmp_path):
    with pytest.raises(MalformedInputError, match="does not exist"):
        load_checkpoint(tmp_path / "absent.pt")
    torch.save({"weight": torch.zeros(3)}, tmp_path / "other.pt")
    torch.save([1, 2], tmp_path / "list.pt")
    for name in ("other.pt", "list.pt"):
        with pytest.raises(MalformedInputError, match="is not a qssmc checkpoint"):
            load_checkpoint(tmp_path / name)
    (tmp_path / "text.pt").write_text("not a model")
    (tmp_path / "text.safetensors").write_text("not a model")
    for name in ("text.pt", "text.safetensors"):
        with pytest.raises(MalformedInputError, match=name):
            load_checkpoint(tmp_path / name)


def test_safetensors_of_something_else_are_refused(tmp_path):
    from safetensors.torch import save_file

    tensors = {"state.decoder.bias": torch.zeros(10)}
    for text in (None, "{", "[]", "3", json.dumps({"format": "other"})):
        save_file(tensors, tmp_path / "m.safetensors", metadata=None if text is None else {"qssmc": text})
        with pytest.raises(MalformedInputError, match=r"m\.safetensors"):
            load_checkpoint(tmp_path / "m.safetensors")


def saved(path: Path, checkpoint: Checkpoint, change: Callable[[dict[str, Any]], None]) -> Path:
    """The checkpoint's payload after a change that save_checkpoint would not make."""
    save_checkpoint(checkpoint, path)
    payload = torch.load(path, weights_only=True)
    change(payload)
    torch.save(payload, path)
    return path


PAYLOADS = {
    "another version": (lambda p: p.update(version=2), "version 2, but this qssmc reads version 1"),
    "no state": (lambda p: p.pop("state"), "not a complete checkpoint"),
    "a state that is no table": (lambda p: p.update(state=[torch.zeros(1)]), "state must be a dict of tensors"),
    "no config": (lambda p: p.pop("config"), "not a complete checkpoint"),
    "a wrong config": (lambda p: p["config"].update(d_model=-1), "d_model must be an integer of at least 1"),
    "an unknown config key": (lambda p: p["config"].update(heads=1), "unknown keys: heads"),
    "a vast config": (lambda p: p["config"].update(d_model=10**12), "d_model must be an integer of 1 to 1048576"),
    "countless layers": (lambda p: p["config"].update(n_layers=10**9), "n_layers must be an integer of 1 to 1048576"),
    "a width beyond all digits": (lambda p: p["config"].update(d_model=10**400), "d_model must be an integer of 1 to"),
    "a tensor of more numbers than are stored": (
        lambda p: p.update(calibration=torch.zeros(1, dtype=torch.uint8).expand(2**40, 16, 1)),
        "calibration announces 17592186044416 numbers, but 1 are stored",
    ),
    "a wrong input format": (lambda p: p["input_format"].update(width=99), "width of 1 to 32 bits"),
    "an unknown input format key": (lambda p: p["input_format"].update(bits=8), "not a complete checkpoint"),
    "no length": (lambda p: p.update(sequence_length=0), "sequence_length must be an integer of at least 1"),
    "provenance that is no table": (lambda p: p.update(provenance=3), "not a complete checkpoint"),
    "calibration without channels": (
        lambda p: p.update(calibration=torch.zeros(5, 16, dtype=torch.uint8)),
        "integers of",
    ),
    "calibration of other channels": (lambda p: p.update(calibration=p["calibration"].repeat(1, 1, 2)), "integers of"),
    "calibration of reals": (lambda p: p.update(calibration=p["calibration"].float()), "integers of"),
    "calibration out of range": (lambda p: p.update(calibration=p["calibration"].int() + 200), "must lie in 0..255"),
    "negative calibration": (lambda p: p.update(calibration=-p["calibration"].int()), "must lie in 0..255, not -79..0"),
    "empty calibration": (lambda p: p.update(calibration=p["calibration"][:0]), "at least one sample"),
    "calibration that is no tensor": (lambda p: p.update(calibration=[1]), "not a complete checkpoint"),
    "a missing tensor": (lambda p: p["state"].pop("encoder.bias"), "tensor encoder.bias is missing"),
    "an extra tensor": (lambda p: p["state"].update(more=torch.zeros(1)), "tensor more is not part of this model"),
    "a misshapen tensor": (
        lambda p: p["state"].update({"decoder.bias": torch.zeros(9)}),
        r"decoder.bias must have shape \(10,\), not \(9,\)",
    ),
    "NaN": (lambda p: p["state"]["encoder.weight"].fill_(float("nan")), "encoder.weight has 4 values that are NaN"),
    "infinity": (lambda p: p["state"]["encoder.bias"][1:2].fill_(float("inf")), "encoder.bias has 1 values that"),
    "integers for reals": (
        lambda p: p["state"].update({"encoder.bias": torch.zeros(4, dtype=torch.int64)}),
        "encoder.bias must be dense torch.float32",
    ),
    "a sparse tensor": (
        lambda p: p["state"].update({"encoder.bias": torch.ones(4).to_sparse()}),
        "encoder.bias must be dense torch.float32",
    ),
}


@pytest.mark.parametrize("fault", PAYLOADS)
def test_a_faulty_payload_is_refused_with_the_file_and_the_fault(tmp_path, checkpoint, fault):
    change, message = PAYLOADS[fault]
    path = saved(tmp_path / "model.pt", checkpoint, change)
    with pytest.raises(MalformedInputError, match=message) as error:
        load_checkpoint(path)
    assert str(path) in str(error.value)


def test_every_faulty_tensor_is_named_at_once(tmp_path, checkpoint):
    def change(payload: dict[str, Any]) -> None:
        payload["state"].pop("encoder.bias")
        payload["state"]["more"] = torch.zeros(1)
        payload["state"]["decoder.bias"][0] = float("nan")

    with pytest.raises(MalformedInputError) as error:
        load_checkpoint(saved(tmp_path / "model.pt", checkpoint, change))
    assert all(name in str(error.value) for name in ("encoder.bias", "more", "decoder.bias"))


def test_building_checks_a_checkpoint_made_in_memory(checkpoint):
    state = {**checkpoint.state, "encoder.bias": torch.zeros(3)}
    with pytest.raises(MalformedInputError, match=r"^checkpoint: tensor encoder.bias must have shape"):
        replace(checkpoint, state=state).build()


def test_double_weights_are_taken(tmp_path, checkpoint):
    path = saved(tmp_path / "m.pt", checkpoint, lambda p: p["state"].update({"encoder.bias": torch.ones(4).double()}))
    assert load_checkpoint(path).build().encoder.bias.tolist() == [1.0] * 4


@pytest.mark.parametrize("suffix", SUFFIXES)
def test_numpy_scalars_text_paths_and_tensors_are_taken(tmp_path, checkpoint, suffix):
    config = ModelConfig(d_model=np.int64(4), d_state=np.int32(3), norm="batch", dropout=np.float64(0.0))
    given = replace(
        checkpoint,
        config=config,
        input_format=InputFormat(np.int64(8), np.int8(8), np.bool_(False)),
        sequence_length=np.int64(16),
        calibration=torch.from_numpy(checkpoint.calibration),
        provenance={"accuracy": np.float32(0.5), "lengths": np.arange(2), "from": tmp_path, "pair": (1, 2)},
    )
    path = str(tmp_path / f"model{suffix}")
    save_checkpoint(given, path)
    back = load_checkpoint(path)
    assert (back.config, back.input_format, back.sequence_length) == (checkpoint.config, EIGHT_BITS, 16)
    assert np.array_equal(back.calibration, checkpoint.calibration)
    assert back.provenance == {"accuracy": 0.5, "lengths": [0, 1], "from": str(tmp_path), "pair": [1, 2]}


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"state": {"own.weight": torch.zeros(2)}}, r"tensor encoder\.weight is missing.*saved with qssmc\.save\("),
        ({"state": {"encoder.bias": [0.0]}}, "state must be a dict of tensors, but encoder.bias is list"),
        ({"sequence_length": 0}, "sequence_length must be an integer of at least 1, not 0"),
        ({"sequence_length": True}, "sequence_length must be an integer of at least 1, not True"),
        ({"calibration": np.zeros((5, 16), np.uint8)}, "calibration must be integers of shape"),
        ({"calibration": np.zeros((5, 16, 1))}, "not float64 of shape"),
        ({"calibration": np.full((5, 16, 1), 256)}, r"must lie in 0\.\.255, not 256\.\.256"),
    ],
)
def test_what_could_not_be_loaded_is_not_saved(tmp_path, checkpoint, change, said):
    with pytest.raises(UsageError, match=said):
        save_checkpoint(replace(checkpoint, **change), tmp_path / "model.pt")
    assert list(tmp_path.iterdir()) == []
