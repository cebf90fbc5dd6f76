"""One diagonal layer by hand, small enough to be worked out on paper, and what makes graphs ready for a pass."""

from __future__ import annotations

from qssmc.analysis.calibration import Calibration
from qssmc.frontend import trace
from qssmc.ir import Graph, parse
from qssmc.models import ModelConfig
from qssmc.passes.calibrate import Calibrate
from qssmc.passes.canonicalise import canonicalise
from qssmc.passes.discretize import discretize
from qssmc_sim import run
from support.random_models import random_model, sensor_samples, to_real

# Head 0 has two states, head 1 has one; y is mixed by a matrix of two rows.
LAYER = """
graph t : discrete
%u : f64[1] = input
%e : f64[2] = matvec %u weight=@e.weight bias=@e.bias from "encoder"
%x : cf64[3] = state from "ssm"
%ax : cf64[3] = diag %x lambda_bar=@ax.lambda_bar from "ssm"
%bu : cf64[3] = inject %e b_bar=@bu.b_bar heads=@bu.heads from "ssm"
%xn : cf64[3] = add %ax %bu from "ssm"
%cx : f64[2] = readout %xn c=@cx.c heads=@bu.heads channels=2 from "ssm"
%du : f64[2] = scale %e factor=@du.factor from "ssm"
%y : f64[2] = add %cx %du from "ssm"
%act : f64[2] = activation %y kind=relu from "act"
%out : f64[2] = matvec %act weight=@out.weight bias=@out.bias from "decoder"
next %x = %xn
output y : step = %out
table @e.weight : real[2,1]
  1.0 -0.5
table @e.bias : real[2]
  0.25 0.0
table @ax.lambda_bar : real[3,2]
  0.5 0.25 0.9375 0.0 0.0 0.75
table @bu.b_bar : real[3,2]
  0.5 0.0 0.0 0.25 -0.25 0.0
table @bu.heads : int[3]
  0 0 1
table @cx.c : real[3,2]
  1.0 0.5 -0.5 1.0 2.0 1.0
table @du.factor : real[2]
  0.5 -0.25
table @out.weight : real[2,2]
  1.0 -0.5 0.25 1.5
table @out.bias : real[2]
  0.125 -0.25
"""


def layer(**tables: str) -> Graph:
    """LAYER with the numbers of some tables replaced, named as op_attribute."""
    lines = LAYER.strip().splitlines()
    for name, numbers in tables.items():
        op, attribute = name.split("_", 1)
        (at,) = (i for i, line in enumerate(lines) if line.startswith(f"table @{op}.{attribute} "))
        lines[at + 1] = f"  {numbers}"
    return parse("\n".join(lines) + "\n")


def discrete(config: ModelConfig, seed: int = 0) -> Graph:
    """The discrete graph of a random model."""
    return discretize(canonicalise(trace(random_model(config, seed), config.d_input)))


def reals(graph: Graph, seed: int = 0, batch: int = 3, length: int = 24) -> Calibration:
    """Sequences that a graph takes."""
    return Calibration(to_real(sensor_samples(graph.inputs[0].type.shape[0], seed, batch, length)), run)


def calibrated(graph: Graph, seed: int = 0) -> Graph:
    """The graph with ranges."""
    return Calibrate(reals(graph, seed))(graph)
