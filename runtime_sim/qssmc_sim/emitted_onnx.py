"""EmittedOnnx: runs the emitted ONNX models under ONNX Runtime, like the golden model."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from qssmc.errors import ToolError, VerificationError, brief
from qssmc.ir.graph import Graph
from qssmc.ir.ops import Op
from qssmc.ir.types import WIDEST

Array = NDArray[Any]
_NEXT, _SATURATED = ":next", ":saturated"


class EmittedOnnx:
    """The models step.onnx, last.onnx and sequence.onnx of a folder; graph names the values.

    Every value of a step can be read: it is made an output of the model that is run. Raises ToolError where
    ONNX Runtime is missing, VerificationError where it refuses a model.
    """

    def __init__(self, folder: Path | str, graph: Graph) -> None:
        self.folder, self.graph = Path(folder), graph
        self.sessions: dict[str, Any] = {}
        self.states: dict[str, Array] = {}
        self.batch = 0

    def reset(self, batch: int) -> None:
        """The states of some sequences, as before the first sample."""
        self.batch = batch
        self.states = {
            name: np.zeros((batch, op.type.shape[0]), np.int64) for op in self.graph.states for name in _names(op)
        }

    def step_batch(self, samples: NDArray[np.int64]) -> dict[str, Array]:
        """One step of every sequence; every op's value, (n, ...)."""
        (entrance,) = self.graph.inputs
        given = {entrance.name: samples.astype(np.int64), **self.states}
        saturated = [f"{entrance.name}{_SATURATED}"] if entrance.type.width != WIDEST else []
        more = [*(f"{name}{_NEXT}" for name in self.states), *saturated]
        found = self._run("step", given, self.graph.step_ops, more)
        values = self._values(self.graph.step_ops, found, given)
        if saturated and entrance.name in values:
            values[entrance.name] = found[saturated[0]]
        self.states = {name: found[f"{name}{_NEXT}"] for name in self.states}
        return values

    def last_batch(self) -> dict[str, Array]:
        """The end of every sequence; the states stay as they are."""
        if not self.graph.last_ops:
            return {}
        found = self._run("last", dict(self.states), self.graph.last_ops, [])
        return self._values(self.graph.last_ops, found, self.states)

    def run(self, samples: NDArray[np.int64]) -> dict[str, Array]:
        """Whole sequences (n, length, d_input) through the Scan; the outputs as golden gives them."""
        session = self._session("sequence", ())
        (entrance,) = self.graph.inputs
        names = [output.name for output in session.get_outputs()]
        values = self._answer("sequence", session, names, {entrance.name: samples.astype(np.int64)})
        found = dict(zip(names, values, strict=True))
        outputs = {}
        for output in self.graph.outputs:
            op = self.graph[output.value]
            stem = f"{output.name}{{}}:all" if output.when == "step" else f"output:{output.name}{{}}"
            try:
                outputs[output.name] = _joined(op, [found[stem.format(part)] for part in _parts(op)])
            except (KeyError, ValueError) as error:
                raise VerificationError(f"sequence.onnx gives no output {output.name} as golden does") from error
        return outputs

    # --- pieces ---

    def _run(self, what: str, given: dict[str, Array], ops: tuple[Op, ...], more: list[str]) -> dict[str, Array]:
        made = tuple(name for op in ops if op.inputs or op.mnemonic == "constant" for name in _names(op))
        wanted = (*made, *(name for name in more if name.endswith(_SATURATED)))
        if not wanted and not more:
            return {}
        session = self._session(what, wanted)
        named = {value.name for value in session.get_inputs()}
        names = list(dict.fromkeys([*wanted, *more]))
        values = self._answer(what, session, names, {name: value for name, value in given.items() if name in named})
        return dict(zip(names, values, strict=True))

    def _answer(self, what: str, session: Any, names: list[str], given: dict[str, Array]) -> list[Array]:
        """What a model answers. Raises VerificationError where ONNX Runtime cannot compute it."""
        try:
            answers: list[Array] = session.run(names, given)
        except Exception as error:  # ONNX Runtime raises many kinds, all of them of Exception alone
            raise VerificationError(f"ONNX Runtime does not compute {what}.onnx ({brief(error)})") from error
        return answers

    def _values(self, ops: tuple[Op, ...], found: dict[str, Array], given: dict[str, Array]) -> dict[str, Array]:
        both = {**given, **found}
        return {op.name: _joined(op, [both[name] for name in _names(op)]) for op in ops}

    def _session(self, what: str, wanted: tuple[str, ...]) -> Any:
        if what not in self.sessions:
            onnx, runtime = _packages()
            path = self.folder / f"{what}.onnx"
            try:
                model = onnx.load(path)
                leaving = {value.name for value in model.graph.output}
                kind = onnx.TensorProto.INT64
                for name in wanted:
                    if name not in leaving:
                        model.graph.output.append(onnx.helper.make_tensor_value_info(name, kind, None))
                options = runtime.SessionOptions()
                options.intra_op_num_threads = options.inter_op_num_threads = 1
                options.log_severity_level = 4
                self.sessions[what] = runtime.InferenceSession(
                    model.SerializeToString(), options, providers=["CPUExecutionProvider"]
                )
            except Exception as error:  # ONNX Runtime and protobuf raise many kinds, all of them of Exception alone
                raise VerificationError(f"ONNX Runtime does not take {path.name} ({brief(error)})") from error
        return self.sessions[what]


def _packages() -> tuple[Any, Any]:
    try:
        import onnx
        import onnxruntime  # type: ignore[import-untyped]
    except ImportError as error:
        raise ToolError("the ONNX target needs onnx and onnxruntime: pip install 'qssmc[onnx]'") from error
    return onnx, onnxruntime


def _parts(op: Op) -> tuple[str, ...]:
    return (".re", ".im") if op.type.complex else ("",)


def _names(op: Op) -> list[str]:
    return [op.name + part for part in _parts(op)]


def _joined(op: Op, parts: list[Array]) -> Array:
    return np.stack(parts, axis=-1) if op.type.complex else parts[0]
