"""Kit: one small sound file of every kind that the command line reads, made anew from seeds."""

from __future__ import annotations

import contextlib
import gzip
import io
import shutil
import struct
import wave
import zipfile
from collections.abc import Collection
from pathlib import Path

import numpy as np
import torch

from qssmc.cli import main
from qssmc.data import InputFormat
from qssmc.models import Checkpoint, ModelConfig, SequenceModel, save_checkpoint

LENGTH = 16
CONFIG = """\
target: c,onnx
scheme: qssm
bits: W8A8
state-bits: 9.5
a-bits: 10
a-form: increment
dither: true
bits-by: state
fill: 1
input-bits: 8
max-steps: 64
vectors: 4
calib: calib.npy
"""
# Compiled folders, by what is read of them.
_FOLDERS = {
    "design": ("--target", "c,onnx", "--vectors", "3"),
    "arrays": ("--target", "crossbar", "--array", "16x16", "--vectors", "3"),
    "core": ("--target", "verilog", "--vectors", "2"),
    "flow": ("--target", "hls", "--vectors", "2"),
}


def make_kit(root: Path, folders: Collection[str] = ("design", "arrays", "core", "flow")) -> Path:
    """Write root/kit, with these compiled folders, and root/kept beside it with the same content. Returns the kit."""
    shutil.rmtree(root, ignore_errors=True)
    kit = root / "kit"
    kit.mkdir(parents=True)
    _models(kit)
    _data_sets(kit / "data")
    (kit / "config.yaml").write_text(CONFIG)
    random = np.random.default_rng(0)
    np.save(kit / "calib.npy", random.integers(0, 256, (12, LENGTH, 1), dtype=np.uint8))
    with contextlib.chdir(kit):
        for name in folders:
            _run("compile", "tiny.pt", "-o", name, *_FOLDERS[name])
        for name in ("float", "fuse", "convert", "prove"):
            found = sorted(Path("design/ir").glob(f"*_{name}.ir"))
            if found:
                shutil.copy(found[0], f"{name}.ir")
        for name in ("step", "last"):
            shutil.copy(f"design/onnx/float_{name}.onnx", f"m_{name}.onnx")
    shutil.copytree(kit, root / "kept")
    return kit


def _run(*argv: str) -> None:
    with contextlib.redirect_stdout(io.StringIO()):
        code = main(["-q", *argv])
    if code:
        raise RuntimeError(f"the kit cannot be made: qssmc {' '.join(argv)} ended with {code}")


def _models(kit: Path) -> None:
    torch.manual_seed(0)
    shape = ModelConfig(d_model=3, d_state=2, d_output=3, norm="layer")
    samples = np.random.default_rng(0).integers(0, 256, (12, LENGTH, 1), dtype=np.uint8)
    provenance = {"data_set": "mnist", "seed": 0, "test_accuracy": 0.5}
    state = SequenceModel(shape).state_dict()
    checkpoint = Checkpoint(shape, state, InputFormat(8, 8, False), LENGTH, samples, provenance)
    for suffix in ("pt", "safetensors"):
        save_checkpoint(checkpoint, kit / f"tiny.{suffix}")


def _data_sets(root: Path) -> None:
    random = np.random.default_rng(1)
    (root / "mnist").mkdir(parents=True)
    for part, count in (("train", 12), ("t10k", 5)):
        images = random.integers(0, 256, (count, 4, 4), dtype=np.uint8)
        labels = np.arange(count, dtype=np.uint8) % 3
        for name, array in ((f"{part}-images-idx3-ubyte.gz", images), (f"{part}-labels-idx1-ubyte.gz", labels)):
            header = struct.pack(f">HBB{array.ndim}I", 0, 8, array.ndim, *array.shape)
            (root / "mnist" / name).write_bytes(gzip.compress(header + array.tobytes(), mtime=0))
    (root / "fsdd").mkdir()
    with zipfile.ZipFile(root / "fsdd" / "recordings.zip", "w") as archive:
        for digit in range(3):
            for take in (0, 5):
                stream = io.BytesIO()
                with wave.open(stream, "wb") as sound:
                    sound.setnchannels(1)
                    sound.setsampwidth(2)
                    sound.setframerate(8000)
                    sound.writeframes(random.integers(-9000, 9000, 400).astype("<i2").tobytes())
                archive.writestr(zipfile.ZipInfo(f"recordings/{digit}_some_{take}.wav"), stream.getvalue())
