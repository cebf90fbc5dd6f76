"""Type rules: what each op makes of its operands, and what it refuses."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import pytest

from qssmc.ir import Builder, Graph, IRError, Output, Table, Type, verify
from qssmc.ir.ops import BY_MNEMONIC, OPS, STAGES, Add, Input, Pair, Scale, Slice, TypeFault
from qssmc.ir.types import UNTYPED, parse_type

INT, REAL = Table.integer, Table.real


def rule(mnemonic: str, *operands: str, **attributes: Any) -> str:
    op = BY_MNEMONIC[mnemonic](name="y", type=Type(()), inputs=("x",) * len(operands), origin="", **attributes)
    return str(op.rule(tuple(parse_type(text) for text in operands)))


CLAMP = {"multiplier": INT(1), "low": INT(-8), "high": INT(7)}


@pytest.mark.parametrize(
    ("wanted", "mnemonic", "operands", "attributes"),
    [
        ("i64[2]", "matvec", ["i8[3]"], {"weight": INT([[1, 2, 3]] * 2), "bias": INT([0, 0])}),
        ("f64[2]", "matvec", ["f64[1]"], {"weight": REAL([[1.0]] * 2), "bias": REAL([0.0, 0.0])}),
        ("i64[1]", "xbar", ["u1[2]"], {"weight": INT([[1, 2]])}),
        ("ci64[2]", "diag", ["ci8[2]"], {"lambda_bar": INT([[1, 0], [0, 1]])}),
        ("ci64[2]", "inject", ["i8[3]"], {"b_bar": INT([[1, 0]] * 2), "heads": INT([2, 0])}),
        ("ci64[2]", "inject", ["i8[3]"], {"b_bar": INT([[[1, 0]] * 3] * 2)}),
        ("i64[3]", "readout", ["ci8[2]"], {"c": INT([[1, 0]] * 2), "heads": INT([2, 0]), "channels": 3}),
        ("i64[3]", "readout", ["ci8[2]"], {"c": INT([[[1, 0]] * 2] * 3), "channels": 3}),
        ("ci64[2]", "scale", ["ci8[2]"], {"factor": INT([1, 2])}),
        ("i64[2]", "offset", ["i8[2]"], {"value": INT([1, 2])}),
        ("ci64[2]", "add", ["ci8[2]", "ci9[2]", "ci1[2]"], {}),
        ("f64[2]", "mul", ["f64[2]", "f64[2]"], {}),
        ("ci64[1]", "slice", ["ci8[3]"], {"start": 1, "stop": 2}),
        ("i64[0]", "slice", ["i8[3]"], {"start": 3, "stop": 3}),
        ("i64[4]", "take", ["i8[3]"], {"indices": INT([2, 0, 0, 1])}),
        ("cf64[1]", "take", ["cf64[3]"], {"indices": INT([2])}),
        ("i64[2]", "advance", ["u16[2]"], {"step": 40503, "bits": 16}),
        ("f64[1]", "advance", ["f64[1]"], {"step": 0, "bits": 32}),
        ("i64[5]", "concat", ["i8[3]", "u2[0]", "u2[2]"], {}),
        ("i64[6]", "unpair", ["ci8[3]"], {}),
        ("ci64[3]", "pair", ["i8[6]"], {}),
        ("cf64[1]", "decay", ["cf64[1]"], {"a": REAL([[-1.0, 0.0]]), "dt": REAL([0.1]), "method": "zoh"}),
        ("f64[2]", "glu", ["f64[4]"], {}),
        ("f64[2]", "divide", ["f64[2]", "f64[1]"], {}),
        ("cf64[2]", "cast", ["cf64[2]"], {"scale": REAL(0.5), "low": REAL([-1.0, -2.0]), "high": REAL(3.0)}),
        ("ci64[2]", "requant", ["ci20[2]"], {**CLAMP, "shift": INT([0, 62])}),
        ("ci64[2]", "requant", ["ci20[2]", "u16[1]"], {**CLAMP, "shift": INT([0, 62]), "phase_bits": 16}),
        ("cf64[2]", "cast", ["cf64[2]", "f64[1]"], {"scale": REAL(0.5), "low": REAL(-1.0), "high": REAL(3.0)}),
        ("i64[2]", "shift_left", ["i20[2]"], {"amount": INT(3)}),
        ("i64[2]", "lut", ["u2[2]"], {"entries": INT([[1, 2, 3, 4]] * 2), "first": INT([0, 0])}),
        ("i64[2]", "normalize", ["i8[2]"], {"eps": 0, "frac": 30}),
        ("f64[2]", "rmsnorm", ["f64[2]"], {"gamma": REAL([1.0, 2.0]), "eps": 1e-6}),
        ("i64[2]", "constant", [], {"value": INT([1, 2])}),
    ],
)
def test_types_follow(wanted: str, mnemonic: str, operands: list[str], attributes: dict[str, Any]) -> None:
    assert rule(mnemonic, *operands, **attributes) == wanted


@pytest.mark.parametrize(
    ("fault", "mnemonic", "operands", "attributes"),
    [
        ("weight is (1, 2), but the operand is i8[3]", "xbar", ["i8[3]"], {"weight": INT([[1, 2]])}),
        ("weight is real, the operand is i8[1]", "xbar", ["i8[1]"], {"weight": REAL([[1.0]])}),
        ("weight must be a matrix, not (1,)", "xbar", ["i8[1]"], {"weight": INT([1])}),
        ("bias is (1,), weight is (2, 1)", "matvec", ["i8[1]"], {"weight": INT([[1], [1]]), "bias": INT([0])}),
        ("operand must be complex, but is i8[1]", "diag", ["i8[1]"], {"lambda_bar": INT([[1, 1]])}),
        ("operand must not be complex, but is ci8[1]", "xbar", ["ci8[1]"], {"weight": INT([[1]])}),
        ("operand must be a vector, not i8[1,1]", "unpair", ["i8[1,1]"], {}),
        ("heads must lie in 0..1", "inject", ["i8[2]"], {"b_bar": INT([[1, 0]]), "heads": INT([2])}),
        ("heads must lie in 0..1", "inject", ["i8[2]"], {"b_bar": INT([[1, 0]]), "heads": INT([-1])}),
        ("heads must be integers", "inject", ["i8[2]"], {"b_bar": INT([[1, 0]]), "heads": REAL([1.0])}),
        ("heads is (1,), the table is (2, 2)", "inject", ["i8[2]"], {"b_bar": INT([[1, 0]] * 2), "heads": INT([1])}),
        ("a MIMO table must be a complex matrix, not (2, 2)", "inject", ["i8[2]"], {"b_bar": INT([[1, 0]] * 2)}),
        ("c holds 1 states, but the operand is ci8[2]", "readout", ["ci8[2]"],
         {"c": INT([[1, 0]]), "heads": INT([0]), "channels": 1}),
        ("factor has shape (3,), but the operand is i8[2]", "scale", ["i8[2]"], {"factor": INT([1, 2, 3])}),
        ("add needs two operands or more", "add", ["i8[2]"], {}),
        ("operands disagree: i8[2] and i8[3]", "add", ["i8[2]", "i8[3]"], {}),
        ("operands disagree: i8[2] and ci8[2]", "add", ["i8[2]", "ci8[2]"], {}),
        ("operands disagree: i8[2] and f64[2]", "mul", ["i8[2]", "f64[2]"], {}),
        ("slice 1..4 of i8[3]", "slice", ["i8[3]"], {"start": 1, "stop": 4}),
        ("slice 2..1 of i8[3]", "slice", ["i8[3]"], {"start": 2, "stop": 1}),
        ("indices must lie in 0..2", "take", ["i8[3]"], {"indices": INT([3])}),
        ("indices must lie in 0..2", "take", ["i8[3]"], {"indices": INT([-1])}),
        ("indices must lie in 0..-1", "take", ["i8[0]"], {"indices": INT([0])}),
        ("indices is (0,)", "take", ["i8[3]"], {"indices": INT(np.zeros(0, np.int64))}),
        ("indices is ()", "take", ["i8[3]"], {"indices": INT(1)}),
        ("indices must be integers", "take", ["f64[3]"], {"indices": REAL([1.0])}),
        ("bits must be 1 to 32, not 33", "advance", ["u8[1]"], {"step": 1, "bits": 33}),
        ("bits must be 1 to 32, not 0", "advance", ["u8[1]"], {"step": 0, "bits": 0}),
        ("step must lie in 0..255, not 256", "advance", ["u8[1]"], {"step": 256, "bits": 8}),
        ("step must lie in 0..255, not -1", "advance", ["u8[1]"], {"step": -1, "bits": 8}),
        ("operand must not be complex, but is ci8[1]", "advance", ["ci8[1]"], {"step": 1, "bits": 8}),
        ("the phase must have one real-valued element, not u8[2]", "requant", ["i8[2]", "u8[2]"],
         {**CLAMP, "shift": INT(1), "phase_bits": 8}),
        ("the phase must have one real-valued element, not ci8[1]", "requant", ["ci8[1]", "ci8[1]"],
         {**CLAMP, "shift": INT(1), "phase_bits": 8}),
        ("operands disagree: f64[2] and u8[1]", "cast", ["f64[2]", "u8[1]"],
         {"scale": REAL(1.0), "low": REAL(0.0), "high": REAL(1.0)}),
        ("phase_bits must be 1 to 32, not 0", "requant", ["i8[2]", "u8[1]"], {**CLAMP, "shift": INT(1)}),
        ("phase_bits must be 1 to 32, not 33", "requant", ["i8[2]", "u8[1]"],
         {**CLAMP, "shift": INT(1), "phase_bits": 33}),
        ("phase_bits is 8, but there is no phase", "requant", ["i8[2]"],
         {**CLAMP, "shift": INT(1), "phase_bits": 8}),
        ("operand must have an even extent, not i8[3]", "pair", ["i8[3]"], {}),
        ("requant exists in the integer stage only", "requant", ["f64[1]"], {**CLAMP, "shift": INT(1)}),
        ("shift must lie in 0..62", "requant", ["i8[1]"], {**CLAMP, "shift": INT(-1)}),
        ("shift must lie in 0..62", "requant", ["i8[1]"], {**CLAMP, "shift": INT(63)}),
        ("shift is real, the operand is i8[1]", "requant", ["i8[1]"], {**CLAMP, "shift": REAL(1.0)}),
        ("low must not exceed high", "requant", ["i8[1]"], {**CLAMP, "shift": INT(1), "low": INT(8)}),
        ("amount must lie in 0..62", "shift_left", ["i8[1]"], {"amount": INT(63)}),
        ("amount must lie in 0..62", "shift_left", ["i8[1]"], {"amount": INT(-1)}),
        ("entries do not fit", "lut", ["i8[2]"], {"entries": INT([[1]]), "first": INT(0)}),
        ("first is (1,), but the operand is i8[2]", "lut", ["i8[2]"], {"entries": INT([1]), "first": INT([0])}),
        ("entries is real, the operand is i8[2]", "lut", ["i8[2]"], {"entries": REAL([1.0]), "first": INT(0)}),
        ("eps must not be negative, frac must be 0 to 30", "normalize", ["i8[2]"], {"eps": -1, "frac": 3}),
        ("eps must not be negative, frac must be 0 to 30", "normalize", ["i8[2]"], {"eps": 1, "frac": 31}),
        ("centred must be 0 or 1, not 2", "normalize", ["i8[2]"], {"eps": 1, "frac": 3, "centred": 2}),
        ("gamma is (1,), the operand is f64[2]", "rmsnorm", ["f64[2]"], {"gamma": REAL([1.0]), "eps": 1e-6}),
        ("activation must be one of", "activation", ["f64[2]"], {"kind": "step"}),
        ("cast exists in the real stages only", "cast", ["i8[1]"],
         {"scale": REAL(1.0), "low": REAL(0.0), "high": REAL(1.0)}),
        ("glu needs a real operand of even extent, not f64[3]", "glu", ["f64[3]"], {}),
    ],
)  # fmt: skip
def test_misfits_are_refused(fault: str, mnemonic: str, operands: list[str], attributes: dict[str, Any]) -> None:
    with pytest.raises(TypeFault) as caught:
        rule(mnemonic, *operands, **attributes)
    assert str(caught.value).startswith(fault)


def test_the_builder_names_the_op_and_its_origin() -> None:
    b = Builder("t", "integer")
    b.input("u", Type((3,), 8))
    with pytest.raises(TypeFault, match=r"^%y \(pair, from layers\.0\): operand must have an even extent"):
        b.add(Pair(), "y", "u", origin="layers.0")
    with pytest.raises(TypeFault, match="%u is defined twice"):
        b.input("u", Type((3,), 8))
    assert (b.fresh("v"), b.fresh("u")) == ("v", "u_2")


@pytest.mark.parametrize("op", OPS, ids=lambda op: op.mnemonic)
def test_every_op_has_a_stage_and_a_unique_mnemonic(op: type) -> None:
    assert any(op in ops for ops in STAGES.values())
    assert [other for other in OPS if other.mnemonic == op.mnemonic] == [op]


@pytest.mark.parametrize("text", ["f64[16]", "i8[]", "u6[1]", "ci16[512]", "cf64[2,3]", "i64[0]"])
def test_type_texts(text: str) -> None:
    assert str(parse_type(text)) == text


@pytest.mark.parametrize("text", ["i0[1]", "i65[1]", "f32[1]", "i8", "8[1]", "i8[-1]"])
def test_no_such_types(text: str) -> None:
    with pytest.raises(ValueError, match=r"not a type|width must be"):
        parse_type(text)


def test_an_op_without_a_place_is_refused_in_a_graph() -> None:
    graph = Graph(
        "t", "integer", (Input(), replace(Add(), name="y", inputs=("u", "u"))), {}, (Output("y", "y", "step"),)
    )
    with pytest.raises(IRError) as caught:
        verify(graph)
    assert "% (input): the name must be letters, digits and _" in str(caught.value)
    assert "% (input): it has no type" in str(caught.value)
    assert str(UNTYPED) == "?"
    assert Type(()) != UNTYPED


def test_only_tables_of_the_op_can_be_replaced() -> None:
    assert Scale(INT(1)).with_tables({"factor": INT(2)}) == Scale(INT(2))
    with pytest.raises(TypeError, match="slice has no tables start"):
        Slice(0, 1).with_tables({"start": INT(2)})
