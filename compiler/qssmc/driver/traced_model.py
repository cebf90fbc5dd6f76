"""TracedModel: a model as float IR with its calibration and its own answers, in a file (.qssm) that holds no code."""

from __future__ import annotations

import hashlib
import io
import json
import zipfile
from dataclasses import dataclass, replace
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from qssmc.data import InputFormat
from qssmc.data.npy import parse_npy
from qssmc.errors import MalformedInputError, UsageError
from qssmc.frontend.answers import TOLERANCE, answer_shape
from qssmc.ir.graph import Graph
from qssmc.ir.json_text import parse_json
from qssmc.ir.text import print_graph, sound_graph

SUFFIX = ".qssm"
FORMAT, VERSION = "qssmc.traced", 1
_FACTS, _IR, _CALIBRATION, _ANSWERS = "model.json", "float.ir", "calibration.npy", "answers.npy"
_PARTS = (_FACTS, _IR, _CALIBRATION, _ANSWERS)
_EPOCH = (1980, 1, 1, 0, 0, 0)  # the time of every part, so that the same model gives the same bytes


@dataclass(frozen=True)
class TracedModel:
    """What compiling a model needs, without the model's code.

    graph: the float IR; calibration: integer sequences (count, length, channels) in input_format; answers: what the
    source model answered in float64 to the first of them, (n, outputs), or (n, length, outputs) at every step;
    those of several outputs joined;
    module: the name of its class; parameters: how many numbers it has; sequence_length: of what it was trained on;
    tolerance: what the graph may differ from the answers by, relative to the largest, more where layers are
    approximated.
    """

    graph: Graph
    module: str
    input_format: InputFormat
    sequence_length: int
    parameters: int
    calibration: NDArray[Any]
    answers: NDArray[np.float64]
    tolerance: float = TOLERANCE

    @property
    def name(self) -> str:
        """The prefix of emitted symbols, if no other is asked for."""
        return self.graph.name

    @property
    def ends(self) -> bool:
        """Whether it answers once, after the last sample."""
        return any(output.when == "last" for output in self.graph.outputs)

    @cached_property
    def content(self) -> bytes:
        """The bytes of its file."""
        facts = {
            "format": FORMAT,
            "version": VERSION,
            "module": self.module,
            "input_format": self.input_format.facts(),
            "sequence_length": self.sequence_length,
            "parameters": self.parameters,
        }
        if self.tolerance != TOLERANCE:
            facts["tolerance"] = self.tolerance
        parts = {
            _FACTS: (json.dumps(facts, indent=1, sort_keys=True) + "\n").encode(),
            _IR: print_graph(self.graph).encode(),
            _CALIBRATION: _npy(self.calibration),
            _ANSWERS: _npy(self.answers),
        }
        stream = io.BytesIO()
        with zipfile.ZipFile(stream, "w", zipfile.ZIP_STORED) as archive:  # stored: zlib's bytes depend on its version
            for name, content in parts.items():
                archive.writestr(zipfile.ZipInfo(name, _EPOCH), content)
        return stream.getvalue()

    @property
    def sha256(self) -> str:
        """Of the bytes of its file."""
        return hashlib.sha256(self.content).hexdigest()

    def save(self, path: Path | str) -> Path:
        """Write it as FILE.qssm; the file is complete or absent. Raises UsageError for another ending."""
        path = Path(path)
        if path.suffix != SUFFIX:
            raise UsageError(f"a traced model is saved as FILE{SUFFIX}, not as {path.name}")
        partial = path.with_name(path.name + ".partial")
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
            partial.write_bytes(self.content)
            partial.replace(path)
        except OSError as error:
            raise UsageError(f"{path} cannot be written ({error.strerror})") from error
        finally:
            partial.unlink(missing_ok=True)
        return path


def load_traced(path: Path | str) -> TracedModel:
    """Read FILE.qssm: text and arrays alone, and no pickle. Raises MalformedInputError for anything else."""
    path = Path(path)
    if not path.is_file():
        raise MalformedInputError(f"model file {path} does not exist; write one with qssmc.save(module, {path.name!r})")
    try:
        with zipfile.ZipFile(path) as archive:
            missing = [name for name in _PARTS if name not in archive.namelist()]
            if missing:
                raise MalformedInputError(f"{path} holds no {missing[0]}; it is no model that qssmc.save wrote")
            parts = {name: archive.read(name) for name in _PARTS}
        facts = parse_json(parts[_FACTS])
        if facts.get("format") != FORMAT:
            raise MalformedInputError(f"{path} is not a traced model (no format: {FORMAT!r})")
        if facts.get("version") != VERSION:
            raise MalformedInputError(
                f"{path} has version {facts.get('version')!r}, but this qssmc reads version {VERSION}; save it again"
            )
        model = TracedModel(
            sound_graph(parts[_IR].decode(), f"{path}, {_IR}"),
            str(facts["module"]),
            InputFormat(**facts["input_format"]),
            int(facts["sequence_length"]),
            int(facts["parameters"]),
            parse_npy(parts[_CALIBRATION]),
            parse_npy(parts[_ANSWERS]),
            float(facts.get("tolerance", TOLERANCE)),
        )
    except MalformedInputError:
        raise
    except UsageError as error:
        raise MalformedInputError(f"{path}: {error}") from error
    except (
        OSError,
        ValueError,
        KeyError,
        TypeError,
        AttributeError,
        EOFError,
        OverflowError,
        NotImplementedError,
        RuntimeError,
        MemoryError,
        zipfile.BadZipFile,
    ) as error:
        reason = str(error).splitlines()[0] if str(error) else type(error).__name__
        raise MalformedInputError(f"{path} cannot be read as a traced model ({reason}); save it again") from error
    if faults := _faults(model):
        raise MalformedInputError(f"{path}: {'; '.join(faults)}")
    return model


def renamed(model: TracedModel, name: str) -> TracedModel:
    """The model under another name."""
    return replace(model, graph=replace(model.graph, name=name))


def _faults(model: TracedModel) -> list[str]:
    """What does not agree in a file."""
    graph, samples, answers = model.graph, model.calibration, model.answers
    if graph.stage != "float" or len(graph.inputs) != 1 or not graph.outputs:
        return [f"the IR must be of the float stage with one input and an output, not of the {graph.stage} stage"]
    channels = graph.inputs[0].type.shape[0]
    low, high = model.input_format.bounds
    if samples.dtype.kind not in "iu" or samples.ndim != 3 or samples.shape[2] != channels or not samples.size:
        return [
            f"calibration must be integers of shape (count, length, {channels}), not {samples.dtype} {samples.shape}"
        ]
    faults = []
    if not TOLERANCE <= model.tolerance < 1.0:
        faults.append(f"a tolerance of {model.tolerance:g} must lie between {TOLERANCE:g} and 1")
    if samples.min() < low or samples.max() > high:
        faults.append(f"calibration must lie in {low}..{high}, not {samples.min()}..{samples.max()}")
    if model.sequence_length < 1 or model.parameters < 0:
        faults.append(f"a sequence of {model.sequence_length} steps and {model.parameters} parameters cannot be")
    shapes = [answer_shape(graph, output, samples.shape[1]) for output in graph.outputs]
    shape = (len(answers), *(shapes[0] if len(shapes) == 1 else (sum(int(np.prod(each)) for each in shapes),)))
    if answers.dtype != np.float64 or answers.shape != shape or not 1 <= len(answers) <= len(samples):
        faults.append(f"answers must be float64 of shape {shape}, not {answers.dtype} {answers.shape}")
    elif not np.isfinite(answers).all():
        faults.append("answers must be finite")
    return faults


def _npy(array: NDArray[Any]) -> bytes:
    stream = io.BytesIO()
    np.save(stream, np.ascontiguousarray(array), allow_pickle=False)
    return stream.getvalue()
