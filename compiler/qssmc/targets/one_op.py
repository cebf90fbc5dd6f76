"""One op: a small graph for every op of the integer stage, which a target is tried with."""

from __future__ import annotations

from collections.abc import Mapping

from qssmc.ir.graph import Graph
from qssmc.ir.ops import Op
from qssmc.ir.text import parse
from qssmc.passes.prove import prove

_PAIR = "%z : ci64[2] = pair %u\n"
_LEAVES = "output y : step = %y\n"
_LEAVES_IN_PARTS = "%parts : i64[4] = unpair %y\n" + "output y : step = %parts\n"
# By mnemonic: the op %y, made of the four numbers of %u, and what leaves.
_BODIES: Mapping[str, str] = {
    "input": "output y : step = %u\n",
    "state": """%y : i64[4] = state
%held : i64[4] = requant %u multiplier=1 shift=0 low=-7 high=7
next %y = %held
output y : last = %y
""",
    "constant": "%y : i64[3] = constant value=@y.value\n" + _LEAVES + "table @y.value : int[3]\n  1 -2 3\n",
    "matvec": """%y : i64[2] = matvec %u weight=@y.weight bias=@y.bias
output y : step = %y
table @y.weight : int[2,4]
  1 -2 3 4 5 6 -7 0
table @y.bias : int[2]
  9 -9
""",
    "xbar": """%y : i64[2] = xbar %u weight=@y.weight
output y : step = %y
table @y.weight : int[2,4]
  1 -2 3 4 5 6 -7 0
""",
    "diag": _PAIR
    + "%y : ci64[2] = diag %z lambda_bar=@y.lambda_bar\n"
    + _LEAVES_IN_PARTS
    + "table @y.lambda_bar : int[2,2]\n  1 -2 3 4\n",
    "inject": "%y : ci64[2] = inject %u b_bar=@y.b_bar heads=@y.heads\n"
    + _LEAVES_IN_PARTS
    + "table @y.b_bar : int[2,2]\n  1 -2 3 4\ntable @y.heads : int[2]\n  0 3\n",
    "readout": _PAIR
    + "%y : i64[3] = readout %z c=@y.c heads=@y.heads channels=3\n"
    + _LEAVES
    + "table @y.c : int[2,2]\n  1 -2 3 4\ntable @y.heads : int[2]\n  0 2\n",
    "scale": "%y : i64[4] = scale %u factor=3\n" + _LEAVES,
    "offset": "%y : i64[4] = offset %u value=@y.value\n" + _LEAVES + "table @y.value : int[4]\n  1 -2 3 4\n",
    "add": _PAIR + "%y : ci64[2] = add %z %z\n" + _LEAVES_IN_PARTS,
    "mul": "%y : i64[4] = mul %u %u\n" + _LEAVES,
    "slice": "%y : i64[2] = slice %u start=1 stop=3\n" + _LEAVES,
    "take": "%y : i64[3] = take %u indices=@y.indices\n" + _LEAVES + "table @y.indices : int[3]\n  3 0 0\n",
    "concat": "%y : i64[8] = concat %u %u\n" + _LEAVES,
    "unpair": _PAIR + "%y : i64[4] = unpair %z\n" + _LEAVES,
    "pair": "%y : ci64[2] = pair %u\n" + _LEAVES_IN_PARTS,
    "advance": "%y : i64[4] = advance %u step=5 bits=4\n" + _LEAVES,
    "requant": "%y : i64[4] = requant %u multiplier=3 shift=2 low=-5 high=5\n" + _LEAVES,
    "shift_left": "%y : i64[4] = shift_left %u amount=2\n" + _LEAVES,
    "lut": "%y : i64[4] = lut %u entries=@y.entries first=-8\n"
    + _LEAVES
    + "table @y.entries : int[16]\n  0 1 2 3 4 5 6 7 7 6 5 4 3 2 1 0\n",
    "normalize": "%y : i64[4] = normalize %u eps=1 frac=4\n" + _LEAVES,
}
_LAYER = """%layer_x : ci64[1] = state from "layer"
%layer_ax : ci64[1] = diag %layer_x lambda_bar=@layer_ax.lambda_bar from "layer"
%layer_bu : ci64[1] = inject %u b_bar=@layer_bu.b_bar heads=@layer_bu.heads from "layer"
%layer_xs : ci64[1] = add %layer_ax %layer_bu from "layer"
%layer_xn : ci64[1] = requant %layer_xs multiplier=1 shift=3 low=-31 high=31 from "layer"
%layer_cx : i64[1] = readout %layer_xn c=@layer_cx.c heads=@layer_bu.heads channels=1 from "layer"
%layer_y : i64[1] = requant %layer_cx multiplier=1 shift=2 low=-31 high=31 from "layer"
next %layer_x = %layer_xn
output layer : step = %layer_y
table @layer_ax.lambda_bar : int[1,2]
  6 1
table @layer_bu.b_bar : int[1,2]
  3 1
table @layer_bu.heads : int[1]
  0
table @layer_cx.c : int[1,2]
  2 -3
"""


def one_op(op: type[Op], *, layer: bool = False) -> Graph:
    """A proven integer graph whose input %u has four numbers of four bits and in which an op of the class is %y, and %u
    where it is an input; layer: with a layer of one complex state beside it, for targets that need one.

    Raises LookupError for an op that has no example here.
    """
    if op.mnemonic not in _BODIES:
        raise LookupError(f"{op.mnemonic} has no example graph; write one in qssmc.targets.one_op")
    body = _BODIES[op.mnemonic] + (_LAYER if layer else "")
    return prove(parse(f"graph one_{op.mnemonic} : integer\n%u : i4[4] = input\n{body}"))
