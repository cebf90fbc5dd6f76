"""API: what `import qssmc` offers: compile, verify, load, trace and save, which the command line calls too."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from numbers import Integral
from pathlib import Path
from typing import TYPE_CHECKING, Any, Unpack

from qssmc.artifact.folder import check_edited, check_target
from qssmc.data import InputFormat
from qssmc.driver.compile import compile_source
from qssmc.driver.compile_options import check_name
from qssmc.driver.design import CompiledDesign
from qssmc.driver.keywords import Keywords
from qssmc.driver.live import declared_of, interpreted, traced_model
from qssmc.driver.loaded import LoadedDesign
from qssmc.driver.model_source import ModelSource, from_checkpoint, from_traced, read_model
from qssmc.driver.options import Options, make_options
from qssmc.driver.settle import settle
from qssmc.driver.traced_model import TracedModel
from qssmc.driver.verify import Verified, verify_folder
from qssmc.driver.watch import Told
from qssmc.errors import UsageError, shown
from qssmc.ir.graph import Graph
from qssmc.regular_file import path_of
from qssmc.targets.registry import named
from qssmc.verification.toolchain import Toolchain

if TYPE_CHECKING:
    from torch import nn

    from qssmc.models import Checkpoint

Say = Callable[[str], Any]


def _quiet(sentence: str) -> None:
    """Says nothing."""


def compile(
    model: nn.Module | Checkpoint | TracedModel | Path | str,
    *,
    calibration: Any = None,
    input_format: InputFormat | str | None = None,
    target: str | Sequence[str] = "c",
    output_dir: Path | str | None = None,
    force: bool = False,
    say: Say = _quiet,
    progress: Told | None = None,
    **options: Unpack[Keywords],
) -> CompiledDesign:
    """Compile a model to fixed-point code that is the same, bit for bit, as its golden model.

    model: a torch.nn.Module of any class that can be traced (it is copied, not changed: training mode, device and kind
    of numbers stay), the path of a .pt, .safetensors, .onnx or .qssm file, a Checkpoint, or a TracedModel.
    calibration: sequences that the model will see. For a module an array or tensor (count, length, channels), of
    integers q as the sensor gives them, which stand for q * 2**-input_format.frac, or of real numbers as the model was
    trained on, which are rounded onto input_format, or onto one that is proposed from their range and told to `say`;
    for any model, text: FILE.npy or DATASET[:COUNT]. A .onnx takes input_format too.
    target: c, hls, verilog, onnx, crossbar or all, one or several.
    output_dir: folder to write the design into; force: over another design. say: is told of the progress;
    progress: called as progress(what, done, of) as each piece of work begins and a few times a second while sequences
    are simulated, where done and of count steps of all sequences, which a pass may go through several times.
    options: those of `qssmc compile --help`, with _ for -: bits="W4A6", state_bits=9, clip=False, lanes=4, ...

    The same options give the same bytes as the command line. Raises UsageError for options and data, and
    UnsupportedModelError, with the place in the code and what to write instead, for a model that has no IR form.

    >>> import numpy, torch, qssmc
    >>> from qssmc.models import S4D
    >>> module = torch.nn.Sequential(torch.nn.Linear(1, 2), S4D(2, 2), torch.nn.Linear(2, 3))
    >>> design = qssmc.compile(module, calibration=numpy.random.rand(4, 20, 1), name="tiny")
    >>> sorted(path for path in design.files if path.startswith("c/tiny"))
    ['c/tiny.c', 'c/tiny.h', 'c/tiny_tables.h']
    """
    targets, input_format, folder = _targets(target), _format(input_format), None
    if not callable(say):
        raise UsageError(f"say must be a function of a sentence, not {shown(say)}")
    if output_dir is not None:
        folder = path_of(output_dir, "output_dir")
    given: dict[str, Any] = dict(options)
    if isinstance(calibration, (str, Path)):
        given["calib"] = str(calibration)
    chosen = make_options(given, targets)
    if chosen.model.name is not None:
        check_name(chosen.model.name)
    if folder is not None:
        check_target(folder, force=force)
    source, traced = _source(model, calibration, input_format, chosen, say)
    settled = settle(chosen, targets, source)
    if folder is not None:
        check_edited(folder, settled.name, targets)
    design = compile_source(source, settled, data=chosen.model.data, say=say, progress=progress)
    design = replace(design, model=traced)
    if folder is not None:
        design.write(folder, force=force)
    return design


def verify(
    folder: Path | str,
    *,
    target: str | Sequence[str] | None = None,
    sequences: int | None = None,
    tools: Toolchain | None = None,
) -> Verified:
    """Compare every target of a design's folder with its golden model: every op, every step, bit for bit.

    target: of these alone; sequences: only the first of those recorded; tools: the compilers and the simulator. Raises
    VerificationError at the first difference, saying where it is.

    >>> import numpy, torch, qssmc
    >>> module = torch.nn.Sequential(torch.nn.Linear(1, 2), torch.nn.Tanh())
    >>> _ = qssmc.compile(module, calibration=numpy.random.rand(4, 20, 1), output_dir="verified")
    >>> qssmc.verify("verified").sequences
    4
    """
    only = None if target is None else _targets(target)
    return verify_folder(path_of(folder, "folder"), tools=tools, only=only, limit=sequences)


def load(folder: Path | str, *, engine: str = "golden", tools: Toolchain | None = None) -> LoadedDesign:
    """A design's folder as an object that runs on numpy arrays of integers, as the firmware would.

    engine: golden, or c, hls or onnx, whose emitted files are built or loaded. Raises UsageError for a folder without
    them, ToolError where a compiler is missing.

    >>> import numpy, torch, qssmc
    >>> module = torch.nn.Sequential(torch.nn.Linear(1, 2), torch.nn.Tanh())
    >>> samples = numpy.arange(80).reshape(4, 20, 1)
    >>> _ = qssmc.compile(
    ...     module, calibration=samples, input_format=qssmc.InputFormat(8, 8, False), output_dir="loaded"
    ... )
    >>> design = qssmc.load("loaded")
    >>> design.run(samples).shape
    (4, 20, 2)
    >>> bool((design.step([7]) == design.run([[7]])[0]).all())
    True
    """
    return LoadedDesign(path_of(folder, "folder"), engine, tools)


def trace(
    module: nn.Module, channels: int, *, name: str = "model", lti: str | None = None, lti_error: float | None = None
) -> Graph:
    """The float IR of a torch module that maps (batch, length, channels) to answers; the module stays as it is.

    The answers are (batch, length, n) at every step, or (batch, n) after a mean over time. lti, lti_error: layers to
    identify from their impulse responses, as --lti and --lti-error take them. Raises UnsupportedModelError
    that lists every construct without an IR form, its line, and what to write instead.

    >>> import torch, qssmc
    >>> graph = qssmc.trace(torch.nn.Sequential(torch.nn.Linear(1, 2), torch.nn.ReLU()), 1)
    >>> [op.mnemonic for op in graph.ops]
    ['input', 'matvec', 'activation']
    """
    from qssmc.frontend.tracing import trace as traced

    count: Any = channels
    if isinstance(count, bool) or not isinstance(count, Integral) or count < 1:
        raise UsageError(f"channels must be a whole number of at least 1, not {shown(count)}")
    check_name(name)
    return traced(module, int(channels), name, interpreted, declared=declared_of(lti, lti_error))


def save(
    module: nn.Module | CompiledDesign | TracedModel,
    path: Path | str,
    *,
    calibration: Any = None,
    input_format: InputFormat | str | None = None,
    name: str | None = None,
    answer: str | None = None,
    lti: str | None = None,
    lti_error: float | None = None,
) -> Path:
    """Write a module of your own as FILE.qssm, for `qssmc compile FILE.qssm`: its float IR, calibration and answers.

    No code and no pickle are in it. calibration and input_format as for qssmc.compile; name: the prefix of emitted
    symbols; answer: what the outputs say, as --answer takes it; lti, lti_error: as --lti and --lti-error. A
    design that was compiled from a module is saved as well. Raises as qssmc.compile does.

    >>> import numpy, torch, qssmc
    >>> module = torch.nn.Sequential(torch.nn.Linear(1, 2), torch.nn.Tanh())
    >>> qssmc.save(module, "mine.qssm", calibration=numpy.random.rand(4, 20, 1), name="mine").name
    'mine.qssm'
    """
    path, input_format = path_of(path, "path"), _format(input_format)
    if isinstance(module, (CompiledDesign, TracedModel)):
        return module.save(path)
    if name is not None:
        check_name(name)
    return traced_model(
        module, _needed(calibration), input_format, name=name, answer=answer, lti=lti, lti_error=lti_error
    ).save(path)


def _targets(given: Any) -> tuple[str, ...]:
    """The targets of a text or of several. Raises UsageError for anything else."""
    if not isinstance(given, str) and not (
        isinstance(given, (list, tuple)) and all(isinstance(name, str) for name in given)
    ):
        raise UsageError(f"target must be text, as 'c', or a list of such, not {shown(given)}")
    return named(given if isinstance(given, str) else ",".join(given))


def _format(given: Any) -> InputFormat | None:
    """An input format, or one of the text that `qssmc opt --input-format` takes."""
    if isinstance(given, str):
        return InputFormat.parse(given)
    if given is not None and not isinstance(given, InputFormat):
        raise UsageError(f"input_format must be an InputFormat or text as 'u8.8', not {shown(given)}")
    return given


def _source(
    model: Any, calibration: Any, input_format: InputFormat | None, chosen: Options, say: Say
) -> tuple[ModelSource, TracedModel | None]:
    """Where a model comes from, and what was traced of a module."""
    if chosen.model.state is not None and not (isinstance(model, (str, Path)) and str(model).endswith(".onnx")):
        raise UsageError(
            "--state pairs inputs and outputs of an ONNX step (.onnx); this model has its states in itself"
        )
    if chosen.model.lti is not None and not _is_module(model):
        raise UsageError(
            "--lti names layers of a live module; a file holds no code: give qssmc.compile or save the module"
        )
    if isinstance(model, (str, Path)):
        step = str(model).endswith(".onnx")
        _only_text(calibration, None if step else input_format, "a file brings its own")
        return read_model(Path(model), chosen.model.state, input_format), None
    if isinstance(model, TracedModel):
        _only_text(calibration, input_format, "a traced model brings its own")
        return from_traced(model), model
    from qssmc.models import Checkpoint

    if isinstance(model, Checkpoint):
        _only_text(calibration, input_format, "a checkpoint brings its own")
        return from_checkpoint(model, _sha256(model)), None
    if not _is_module(model):
        raise UsageError(
            "the model must be a torch.nn.Module, a path (.pt, .safetensors, .onnx, .qssm), a Checkpoint or a "
            f"TracedModel, not {type(model).__name__}"
        )
    own = chosen.model
    traced = traced_model(
        model,
        _needed(own.calib if calibration is None else calibration),
        input_format,
        name=own.name,
        seed=own.seed or 0,
        data=own.data,
        answer=own.answer,
        lti=own.lti,
        lti_error=own.lti_error,
        say=say,
    )
    return from_traced(traced), traced


def _is_module(model: Any) -> bool:
    """Whether it is a torch module; files need no torch for this."""
    if isinstance(model, (str, Path, TracedModel)):
        return False
    from torch import nn

    return isinstance(model, nn.Module)


def _sha256(checkpoint: Checkpoint) -> str:
    """The hash that the checkpoint's file would have."""
    import hashlib

    from qssmc.models.checkpoint import checkpoint_bytes

    return hashlib.sha256(checkpoint_bytes(checkpoint)).hexdigest()


def _needed(calibration: Any) -> Any:
    if calibration is None:
        raise UsageError(
            "a module brings no calibration data; give calibration, an array (count, length, channels) of sequences "
            "that it will see"
        )
    return calibration


def _only_text(calibration: Any, input_format: InputFormat | None, why: str) -> None:
    if input_format is not None or not (calibration is None or isinstance(calibration, (str, Path))):
        raise UsageError(
            f"calibration arrays and input_format are for modules; {why}; "
            "give calibration='FILE.npy' or 'DATASET:COUNT'"
        )
