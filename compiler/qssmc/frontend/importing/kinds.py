"""Kinds: what a file or folder is, by its first bytes and its parts, and what to do with what cannot be imported."""

from __future__ import annotations

import zipfile
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from qssmc.errors import MalformedInputError, QssmcError, UnsupportedModelError, UsageError
from qssmc.frontend.importing.pickles import MOST_READ, classes_of, foreign_classes

Kind = Literal["torch", "safetensors", "npz", "folder"]
_LIVE = "or compile the live module in Python: qssmc.compile(model.eval(), calibration=x)"
_SAVE = "torch.save(model.state_dict(), 'weights.pt')"
_WEIGHTS = ("model.safetensors.index.json", "model.safetensors", "pytorch_model.bin")
_LEGACY_MAGIC = b"\x8a\x0a\x6c\xfc\x9c\x46\xf9\x20\x6a\xa8\x50\x19"  # the number that old files of torch begin with


class RefusedPickleError(MalformedInputError):
    """A pickle that would run code of others when it is read."""


@dataclass(frozen=True)
class FoundWeights:
    """A file of weights: its kind, what it is in words, and the file that holds the weights."""

    kind: Kind
    what: str
    path: Path


def kind_of_file(path: Path) -> FoundWeights:
    """What a file or folder of weights is.

    Raises MalformedInputError for what is no file of a model, UnsupportedModelError for one that keeps a model in a
    form that cannot be imported, UsageError for what another command reads; each says what to do instead.
    """
    if path.is_dir():
        return _folder(path)
    if not path.is_file():
        raise UsageError(f"{path} does not exist; give a file of weights or a folder that holds one")
    with path.open("rb") as file:
        head = file.read(16)
        if head.startswith(b"PK\x03\x04"):
            return _zip(path)
        if len(head) > 8 and head[8:9] == b"{" and int.from_bytes(head[:8], "little") < 1 << 30:
            return FoundWeights("safetensors", "a safetensors file", path)
        content = head + file.read(MOST_READ)
    if (refusal := _by_head(path, head)) is not None:
        raise refusal
    classes = classes_of(content)
    if classes is None:
        raise MalformedInputError(
            f"{path} is no file of weights: neither torch, safetensors nor .npz, or it is cut off; "
            f"save a state dict again: {_SAVE}"
        )
    _refuse_objects(path, classes)
    if content[2:14] != _LEGACY_MAGIC and not any(name.startswith("torch.") for name in classes):
        raise MalformedInputError(f"{path} is a pickle that no torch wrote; save arrays with numpy.savez, or {_SAVE}")
    return FoundWeights("torch", "a PyTorch state dict", path)


def _by_head(path: Path, head: bytes) -> QssmcError | None:
    """What is told apart by its first bytes alone."""
    if not head:
        return MalformedInputError(f"{path} is empty; save the weights again: {_SAVE}")
    if head.startswith(b"\x93NUMPY"):
        return UsageError(f"{path} is one array; give all weights by their names, in a .npz of numpy.savez")
    if path.suffix == ".onnx":
        return UsageError(f"{path} is an ONNX graph, which needs no import; run: qssmc compile {path} -o OUT")
    if head.startswith(b"\x89HDF"):
        return UnsupportedModelError(
            f"{path} is an HDF5 file, as Keras writes it; save its arrays by name with numpy.savez"
        )
    if head.startswith(b"GGUF"):
        return UnsupportedModelError(f"{path} is a GGUF file; give the weights as safetensors")
    return None


def _folder(path: Path) -> FoundWeights:
    """A folder as HuggingFace lays it out."""
    for name in _WEIGHTS:
        file = path / name
        if file.is_file():
            has_config = (path / "config.json").is_file()
            what = "a HuggingFace folder" if has_config else f"a folder with {name}"
            return FoundWeights("folder" if name.endswith(".json") else kind_of_file(file).kind, what, file)
    several = sorted(
        file.name for file in path.iterdir() if file.suffix in (".safetensors", ".pt", ".pth", ".ckpt", ".npz")
    )
    if len(several) == 1:
        return kind_of_file(path / several[0])
    if (path / "_METADATA").exists() or (path / "checkpoint").is_dir():
        raise UnsupportedModelError(
            f"{path} is a checkpoint folder of orbax; save its arrays by name with numpy.savez('weights.npz', **flat)"
        )
    if (path / "saved_model.pb").exists():
        raise UnsupportedModelError(f"{path} is a TensorFlow SavedModel; save its arrays by name with numpy.savez")
    holds = f"holds {', '.join(several[:4])}; give one of them" if several else "holds no file of weights"
    raise UsageError(f"{path} {holds}; a HuggingFace folder has config.json and model.safetensors")


def _zip(path: Path) -> FoundWeights:
    try:
        with zipfile.ZipFile(path) as archive:
            names = archive.namelist()
            inner = [name.split("/", 1)[-1] for name in names]
            if names and all(name.endswith(".npy") for name in names):
                return FoundWeights("npz", "arrays of a .npz file", path)
            if "float.ir" in names:
                raise UsageError(f"{path} is a traced model already; run: qssmc compile {path} -o OUT")
            if any(name.startswith("code/") for name in inner) or "constants.pkl" in inner:
                raise UnsupportedModelError(
                    f"{path} is a TorchScript archive, which keeps compiled code instead of modules; save the weights "
                    f"of the module that it was made from, {_SAVE}, and import those, {_LIVE}"
                )
            if "archive_format" in inner or "serialized_exported_program.json" in names:
                raise UnsupportedModelError(
                    f"{path} is a program of torch.export (.pt2), in which scans over time are unrolled or folded "
                    f"into a convolution; save the weights of the module, {_SAVE}, and import those, {_LIVE}"
                )
            pickles = [name for name in names if name.split("/", 1)[-1] == "data.pkl"]
            if len(pickles) != 1:
                raise MalformedInputError(f"{path} is a zip archive, but no file of weights; {_SAVE} writes one")
            with archive.open(pickles[0]) as file:
                classes = classes_of(file.read(MOST_READ))
    except QssmcError:
        raise
    except Exception as error:  # zipfile lets out what damaged archives make of its readers
        raise MalformedInputError(f"{path} is a damaged or cut off zip archive; copy or save it again") from error
    if classes is None:
        raise MalformedInputError(f"{path} holds a damaged pickle; save the weights again: {_SAVE}")
    _refuse_objects(path, classes)
    return FoundWeights("torch", "a PyTorch state dict", path)


def _refuse_objects(path: Path, classes: list[str]) -> None:
    """Refuse a pickle that holds more than tensors, with the class that it wants."""
    foreign = foreign_classes(classes)
    if not foreign:
        return
    more = f" and {len(foreign) - 1} more classes" if len(foreign) > 1 else ""
    is_module = any(name.startswith("torch.nn.modules.") for name in foreign) and not foreign[0].startswith("torch.nn.")
    if is_module:
        raise UnsupportedModelError(
            f"{path} is a pickled module of class {foreign[0]}, which only its own code can read, and reading it would "
            f"run code; where the class is at hand, save its weights, {_SAVE}, and import those, {_LIVE}"
        )
    raise RefusedPickleError(
        f"{path} is refused: it is a pickle with code or objects in it, and asks for {foreign[0]}{more}; where it was "
        "written, keep the tensors alone: torch.save(torch.load(FILE)['state_dict'], 'weights.pt')"
    )
