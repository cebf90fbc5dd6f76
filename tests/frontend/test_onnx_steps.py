"""ONNX steps as people export them: each small graph gives what ONNX Runtime gives, or one sentence why not."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import onnx
import pytest

from qssmc.data import InputFormat
from qssmc.driver.model_source import read_model
from qssmc.errors import QssmcError, UnsupportedModelError, UsageError
from qssmc.frontend.onnx import compare_with_runtime, import_onnx
from qssmc.frontend.onnx.load import Imported
from qssmc.frontend.onnx.pairing import parse_states
from qssmc.ir.ops import Activation, Diag, Scale
from qssmc_sim import run

helper = onnx.helper
Shapes = Mapping[str, list[int]]
RNG = np.random.default_rng(5)
U, X, Y = {"u": [1]}, {"x": [4]}, {"y": [2]}
DENSE = {"A": RNG.normal(size=(4, 4)) / 5, "B": RNG.normal(size=(1, 4)), "C": RNG.normal(size=(4, 2))}
PAIR = {"a": RNG.uniform(0.5, 0.8, 4), "b": RNG.uniform(0.1, 0.5, 4), "W": RNG.normal(size=(1, 4)), "D": DENSE["C"]}
RE_IM: Shapes = {"x_re": [4], "x_im": [4]}
ROTATION = [
    "Mul x_re a -> p", "Mul x_im b -> q", "Sub p q -> r", "MatMul u W -> h", "Add r h -> x_re_next",
    "Mul x_im a -> s", "Mul x_re b -> t", "Add s t -> x_im_next",
]  # fmt: skip


def step(
    folder: Path,
    lines: list[str],
    tables: Mapping[str, Any],
    inputs: Shapes,
    outputs: Shapes,
    *,
    batch: int | str = "n",
    opset: int = 18,
) -> Path:
    """A step graph of lines such as `Gemm u w b transB=1 -> v`; attributes are whole numbers."""
    nodes = []
    for line in lines:
        left, right = line.split(" -> ")
        kind, *words = left.split()
        more = {key: int(value) for key, value in (word.split("=") for word in words if "=" in word)}
        nodes.append(helper.make_node(kind, [word for word in words if "=" not in word], right.split(), **more))
    values = [
        [helper.make_tensor_value_info(name, onnx.TensorProto.FLOAT, [batch, *shape]) for name, shape in part.items()]
        for part in (inputs, outputs)
    ]
    arrays = {k: np.asarray(v) for k, v in tables.items()}
    init = [onnx.numpy_helper.from_array(v.astype(np.float32) if v.dtype.kind == "f" else v, k)
            for k, v in arrays.items()]  # fmt: skip
    graph = helper.make_graph(nodes, "step", *values, init)
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", opset)], ir_version=9)
    path = folder / "own_step.onnx"
    path.write_bytes(model.SerializeToString())
    return path


def checked(path: Path, **more: Any) -> Imported:
    """The import, after its float graph gave what ONNX Runtime gives on five sequences, an odd number of them."""
    imported = import_onnx(path, "own", **more)
    samples = RNG.uniform(-1.0, 1.0, (5, 12, imported.graph.inputs[0].type.shape[0]))
    assert compare_with_runtime(imported, samples, lambda graph, x: run(graph, x).outputs) < 1e-5
    return imported


def poles(imported: Imported) -> np.ndarray[Any, Any]:
    (diag,) = (op for op in imported.graph.ops if isinstance(op, Diag))
    data = diag.lambda_bar.data
    return np.asarray(data[..., 0] + 1j * data[..., 1] if data.ndim == 2 else data)


@pytest.mark.parametrize("batch", ["n", 1, 2])
def test_states_of_rank_two_behind_a_reshape(batch: int | str, tmp_path: Path) -> None:
    tables = {**{k: PAIR[k].reshape(2, 2) for k in "ab"}, "W": RNG.normal(size=(1, 2)), "D": RNG.normal(size=(2, 2))}
    tables |= {"inner": np.array([-1, 2, 2]), "flat": np.array([-1, 4]), "last": np.array([-1])}
    lines = [
        "Reshape x_re inner -> v_re", "Reshape x_im inner -> v_im", "MatMul u W -> h", "Unsqueeze h last -> w",
        "Mul v_re a -> p", "Mul v_im b -> q", "Sub p q -> r", "Add r w -> n_re",
        "Mul v_im a -> s", "Mul v_re b -> t", "Add s t -> n_im",
        "ReduceSum n_re last keepdims=0 -> z", "Gelu z -> g", "MatMul g D -> y",
        "Reshape n_re flat -> x_re_next", "Reshape n_im flat -> x_im_next",
    ]  # fmt: skip
    path = step(tmp_path, lines, tables, {**U, **RE_IM}, {**Y, "x_re_next": [4], "x_im_next": [4]},
                batch=batch, opset=20)  # fmt: skip
    imported = checked(path)
    assert np.allclose(np.sort_complex(poles(imported)), np.sort_complex(PAIR["a"] + 1j * PAIR["b"]), atol=1e-7)
    assert [op.kind for op in imported.graph.ops if isinstance(op, Activation)] == ["gelu"]


def test_states_of_rank_three(tmp_path: Path) -> None:
    tables = {**{k: PAIR[k].reshape(2, 2) for k in "ab"}, "W": RNG.normal(size=(1, 2)), "last": np.array([-1])}
    lines = [
        "MatMul u W -> h", "Unsqueeze h last -> w", "Mul x_re a -> p", "Mul x_im b -> q", "Sub p q -> r",
        "Add r w -> x_re_next", "Mul x_im a -> s", "Mul x_re b -> t", "Add s t -> x_im_next",
        "Softplus x_re_next -> z", "ReduceSum z last keepdims=0 -> y",
    ]  # fmt: skip
    shapes = {"x_re": [2, 2], "x_im": [2, 2]}
    imported = checked(
        step(tmp_path, lines, tables, {**U, **shapes}, {**Y, **{f"{k}_next": v for k, v in shapes.items()}})
    )
    assert len(poles(imported)) == 4


def test_a_dense_matrix_gets_its_eigenvalues(tmp_path: Path) -> None:
    lines = ["MatMul x A -> p", "MatMul u B -> q", "Add p q -> x_next", "MatMul x_next C -> y"]
    imported = checked(step(tmp_path, lines, DENSE, {**U, **X}, {**Y, "x_next": [4]}))
    wanted = np.linalg.eigvals(DENSE["A"].astype(np.float32))
    found = poles(imported)
    assert all(np.abs(found - one).min() < 1e-6 for one in wanted if one.imag >= 0)


def test_a_bias_within_the_recurrence(tmp_path: Path) -> None:
    tables = {**DENSE, "bias": RNG.normal(size=4)}
    lines = ["MatMul x A -> p", "MatMul u B -> q", "Add q bias -> r", "Add p r -> x_next", "MatMul x_next C -> y"]
    checked(step(tmp_path, lines, tables, {**U, **X}, {**Y, "x_next": [4]}))


def test_a_matrix_with_too_few_eigenvectors_is_refused(tmp_path: Path) -> None:
    tables = {**DENSE, "A": np.eye(4) * 0.5 + np.eye(4, k=1)}
    lines = ["MatMul x A -> p", "MatMul u B -> q", "Add p q -> x_next", "MatMul x_next C -> y"]
    with pytest.raises(UnsupportedModelError, match="no diagonal form"):
        import_onnx(step(tmp_path, lines, tables, {**U, **X}, {**Y, "x_next": [4]}), "own")


def test_real_states_with_parameters_computed_in_the_graph(tmp_path: Path) -> None:
    tables = {"nu": RNG.uniform(-1.0, 0.0, 4), "W": PAIR["W"], "D": PAIR["D"]}
    lines = ["Exp nu -> e", "Neg e -> m", "Exp m -> a", "Mul a x -> p", "MatMul u W -> h", "Add p h -> x_next",
             "Relu x_next -> z", "MatMul z D -> y"]  # fmt: skip
    imported = checked(step(tmp_path, lines, tables, {**U, **X}, {**Y, "x_next": [4]}))
    (scale,) = (op for op in imported.graph.ops if isinstance(op, Scale))
    assert np.allclose(scale.factor.data, np.exp(-np.exp(tables["nu"].astype(np.float32))))
    assert imported.parameters == 4 + 4 + 8


def test_shapes_computed_from_the_batch(tmp_path: Path) -> None:
    tables = {**PAIR, "width": np.array([4]), "zero": np.array(0), "head": np.array([0])}
    lines = [*ROTATION, "Shape u -> sizes", "Gather sizes zero -> b0", "Unsqueeze b0 head -> b1",
             "Concat b1 width axis=0 -> to", "Reshape x_re_next to -> z", "MatMul z D -> y"]  # fmt: skip
    checked(step(tmp_path, lines, tables, {**U, **RE_IM}, {**Y, "x_re_next": [4], "x_im_next": [4]}))


@pytest.mark.parametrize(
    ("names", "given"),
    [
        ({"x_re": "x_re_next", "x_im": "x_im_next"}, None),
        ({"re_in": "re_out", "im_in": "im_out"}, None),
        ({"past_re": "present_re", "past_im": "present_im"}, None),
        ({"re_prev": "re", "im_prev": "im"}, None),
        ({"h0": "hn", "c0": "cn"}, None),
        ({"m": "o1", "k": "o2"}, None),  # by their shape
        ({"m": "o2", "k": "o1"}, "m:o2,k:o1"),
    ],
)
def test_states_are_paired(names: dict[str, str], given: str | None, tmp_path: Path) -> None:
    (re, im), (next_re, next_im) = names, names.values()
    renamed = {"x_re": re, "x_im": im, "x_re_next": next_re, "x_im_next": next_im}
    lines = [
        " ".join(renamed.get(word, word) for word in line.split()) for line in [*ROTATION, "MatMul x_re_next D -> y"]
    ]
    ends = sorted(names.values())
    path = step(tmp_path, lines, PAIR, {"u": [1], re: [4], im: [4]}, {"y": [2], ends[0]: [4], ends[1]: [4]})
    assert checked(path, states=given).becomes == names


def test_states_that_nothing_pairs_are_asked_for(tmp_path: Path) -> None:
    lines = ["Mul s a -> p", "Add p v -> o", "Mul o b -> y"]
    path = step(tmp_path, lines, PAIR, {"v": [4], "s": [4]}, {"o": [4], "y": [4]})
    with pytest.raises(UnsupportedModelError, match=r"one input that is no state, not 2.*--state INPUT:OUTPUT"):
        import_onnx(path, "own")
    assert checked(path, states="s:o").becomes == {"s": "o"}
    with pytest.raises(UsageError, match="has the inputs v, s and the outputs o, y"):
        import_onnx(path, "own", states="s:q")
    with pytest.raises(UsageError, match="--state must be INPUT:OUTPUT"):
        parse_states("s")


GATES = [
    (["MatMul u f.weight -> f", "Sigmoid f -> g", "Mul g x -> x_next"], "x is multiplied by sigmoid(f(u)): a gated"),
    (["MatMul u f.weight -> f", "Sigmoid f -> g", "Sub one g -> i", "Mul i x -> x_next"],
     "x is multiplied by (1 - sigmoid(f(u))): a gated"),
    (["MatMul x A -> p", "MatMul u f.weight -> f", "Add p f -> q", "Tanh q -> x_next"], "x goes through tanh: a"),
    (["Mul x x -> x_next"], "x is multiplied by x, which depends on a state: a nonlinear"),
]  # fmt: skip


@pytest.mark.parametrize(("lines", "message"), GATES)
def test_a_gate_is_called_a_gate(lines: list[str], message: str, tmp_path: Path) -> None:
    tables = {**DENSE, "f.weight": PAIR["W"], "one": np.array(1.0)}
    path = step(tmp_path, [*lines, "MatMul x_next C -> y"], tables, {**U, **X}, {**Y, "x_next": [4]})
    with pytest.raises(UnsupportedModelError) as caught:
        import_onnx(path, "own")
    assert message in str(caught.value)


@pytest.mark.parametrize("rest", [
    ["Transpose x_next perm -> t", "MatMul t C -> y"], ["NonZero x_next -> y"], ["TopK x_next two -> y k"],
    ["LSTM x_next A A -> y"], ["GatherND x_next two -> y"], ["Einsum x_next -> y"], ["If x_next -> y"],
])  # fmt: skip
def test_whatever_follows_ends_in_a_sentence(rest: list[str], tmp_path: Path) -> None:
    tables = {**DENSE, "two": np.array([2])}
    lines = ["MatMul x A -> p", "MatMul u B -> q", "Add p q -> x_next", *rest]
    with pytest.raises(QssmcError):
        import_onnx(step(tmp_path, lines, tables, {**U, **X}, {**Y, "x_next": [4]}), "own")


def test_the_format_of_the_samples_is_given(tmp_path: Path) -> None:
    lines = ["MatMul x A -> p", "MatMul u B -> q", "Add p q -> x_next", "MatMul x_next C -> y"]
    path = step(tmp_path, lines, DENSE, {**U, **X}, {**Y, "x_next": [4]})
    assert read_model(path).input_format == InputFormat(8, 8, False)
    assert read_model(path, input_format=InputFormat(12, 11, True)).input_format == InputFormat(12, 11, True)
    with pytest.raises(UsageError, match="--state is for ONNX steps"):
        read_model(tmp_path / "own.qssm", "x:y")


BLOCKED = """
import sys
class Blocked:
    def find_spec(self, name, path=None, target=None):
        if name.split(".")[0] == "torch":
            raise ModuleNotFoundError("no torch", name="torch")
sys.meta_path.insert(0, Blocked())
from pathlib import Path
import qssmc.cli.compile
from qssmc.cli.supported_ops import supported_modules
from qssmc.driver.model_source import read_model
assert supported_modules() is None
print(len(read_model(Path(sys.argv[1])).graph("own").ops))
"""


def test_an_import_and_supported_ops_need_no_torch(tmp_path: Path) -> None:
    lines = ["MatMul x A -> p", "MatMul u B -> q", "Add p q -> x_next", "MatMul x_next C -> y"]
    path = step(tmp_path, lines, DENSE, {**U, **X}, {**Y, "x_next": [4]})
    done = subprocess.run([sys.executable, "-c", BLOCKED, path], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    assert int(done.stdout) == len(import_onnx(path, "own").graph.ops)
