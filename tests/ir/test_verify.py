"""The verifier: each fault has its sentence, and one error carries all of them."""

from __future__ import annotations

import pytest

from qssmc.ir import Graph, IRError, parse, verify
from support.hand import all_by_hand, random_shapes

GOOD = """graph good : integer
%u : u4[1] = input from "input"
%x : i8[1] = state from "ssm"
%s : i9[1] = add %u %x from "ssm"
%n : i8[1] = requant %s multiplier=1 shift=0 low=-128 high=127
%d : i9[1] = scale %x factor=2
next %x = %n
output y : step = %n
output z : last = %d
"""


@pytest.mark.parametrize("graph", [*all_by_hand(), *random_shapes(), parse(GOOD)], ids=lambda g: g.name)
def test_good_graphs_pass(graph: Graph) -> None:
    assert verify(graph) is graph


FAULTS = [
    ("good : integer", "good : binary", "stage must be one of float, discrete, quantised, integer, not binary"),
    ("graph good", "graph 9", "graph 9: the name must be letters, digits and _"),
    ("%d : i9[1] = scale", "%_d : i9[1] = scale", "%_d (scale): the name must be letters, digits and _"),
    ("%d : i9[1]", "%s : i9[1]", "%s (scale): the name is taken"),
    ("add %u %x", "add %u %later", "%s (add, from ssm): operand %later is not defined before it"),
    ("add %u %x", "add %u %n", "%s (add, from ssm): operand %n is not defined before it"),
    ("= scale %x factor=2", "= activation %x kind=relu", "%d (activation): the integer stage has no activation"),
    ("%u : u4[1]", "%u : f64[1]", "%u (input, from input): the integer stage has no f64[1] values"),
    ("scale %x", "scale %x %u", "%d (scale): it takes 1 operands, not 2"),
    ("add %u %x", "add %u", "%s (add, from ssm): add needs two operands or more"),
    ("requant %s", "requant %s %u %u", "%n (requant): it takes 1 or 2 operands, not 3"),
    ("requant %s", "requant %s %u", "%n (requant): phase_bits must be 1 to 32, not 0"),
    ("shift=0", "shift=-1", "%n (requant): shift must lie in 0..62"),
    ("%d : i9[1]", "%d : i9[2]", "%d (scale): its type must be i64[1], not i9[2]"),
    ("%d : i9[1]", "%d : ci9[1]", "%d (scale): its type must be i64[1], not ci9[1]"),
    ("next %x = %n", "next %y = %n", "next %y: there is no such state"),
    ("next %x = %n", "next %u = %n", "next %u: there is no such state"),
    ("next %x = %n", "next %x = %m", "next %x: %m is not defined"),
    ("next %x = %n\n", "", "%x: a state must have a next value"),
    ("%x : i8[1] = state", "%x : ci8[1] = state", "next %x: it is ci8[1], but %n is i8[1]"),
    ("output y : step = %n\noutput z : last = %d\n", "", "a graph must have an output"),
    ("step = %n", "step = %m", "output y: %m is not defined"),
    ("output z", "output y", "output y: the name is taken"),
    ("output z", "output 9", "output 9: the name must be letters, digits and _"),
    ("last = %d", "last = %n", "output z: it comes after the last sample, so it may depend on states only"),
    ("output y", "scale %zz : real[]\n  1.0\noutput y", "scale %zz: there is no such value"),
    ("output y", "range %zz : real[]\n  1.0\noutput y", "range %zz: there is no such value"),
]


@pytest.mark.parametrize(("old", "new", "fault"), FAULTS, ids=[fault for _, _, fault in FAULTS])
def test_each_fault_is_told(old: str, new: str, fault: str) -> None:
    assert old in GOOD
    with pytest.raises(IRError) as caught:
        verify(parse(GOOD.replace(old, new, 1)))
    assert f"  {fault}" in str(caught.value).splitlines()
    assert caught.value.exit_code == 5


def test_all_faults_come_at_once() -> None:
    text = """graph bad : integer
%u : u4[1] = input
%x : i8[1] = state
%s : i9[1] = add %u %later
%n : i8[1] = requant %s multiplier=1 shift=-1 low=-128 high=127
%d : i9[2] = scale %x factor=2
next %y = %n
output y : step = %m
output z : last = %u
"""
    with pytest.raises(IRError) as caught:
        verify(parse(text))
    assert str(caught.value).splitlines() == [
        "graph bad (integer) is not valid:",
        "  %s (add): operand %later is not defined before it",
        "  %n (requant): shift must lie in 0..62",
        "  %d (scale): its type must be i64[1], not i9[2]",
        "  next %y: there is no such state",
        "  %x: a state must have a next value",
        "  output y: %m is not defined",
        "  output z: it comes after the last sample, so it may depend on states only",
    ]


def test_a_last_output_on_an_undefined_operand_is_a_fault_not_a_crash() -> None:
    with pytest.raises(IRError, match="operand %zz is not defined before it"):
        verify(parse(GOOD.replace("scale %x", "scale %zz")))
