"""Random models of real states, convolutions over time, curves and several outputs, compiled to every stage."""

from __future__ import annotations

from dataclasses import replace
from functools import cache

import numpy as np
from numpy.typing import NDArray

from qssmc.analysis.calibration import Calibration
from qssmc.data import InputFormat
from qssmc.ir import Builder, Graph, Output, Table, Type, verify
from qssmc.ir.causal import causal_convolution, real_recurrence
from qssmc.ir.ops import Activation, Add, Diag, Inject, Matvec, Offset, Readout, Scale
from qssmc.passes.methods import FULL, PLAIN
from qssmc.passes.pipeline import run_pipeline
from qssmc.passes.plan import PassPlan
from qssmc.passes.quantise import QuantiseOptions
from qssmc_sim import run
from support.random_models import compile_stages, sensor_samples

INT, REAL = Table.integer, Table.real


def time_model(seed: int, *, arrays: bool = False) -> Graph:
    """Encoder, depthwise or full convolution, real states (one or two a channel, or read by matrices), two curves.

    Two outputs: quantities at every step, and a class of the last state or of every step. arrays: with a complex layer
    of one state a channel.
    """
    random = np.random.default_rng(seed)
    width = 2 + seed % 3
    b = Builder("time", "float")
    u = b.input("u", Type((2,)), "input")

    def matrix(name: str, x: str, out: int) -> str:
        weight, bias = random.normal(size=(out, b.type(x).shape[0])), random.normal(size=out)
        return b.add(Matvec(weight=REAL(weight), bias=REAL(bias)), name, x, origin=name)

    v = matrix("encoder", u, width)
    groups = width if seed % 2 else 1
    taps = random.normal(size=(width, width // groups, 2 + seed % 2))
    v = causal_convolution(b, "conv", v, taps, random.normal(size=width), "conv", groups=groups, dilation=1 + seed % 2)
    if arrays:
        poles, heads = np.stack([random.uniform(0.3, 0.65, width)] * 2, axis=1), INT(np.arange(width))
        z = b.state("z", Type((width,), complex=True), "ssm")
        az = b.add(Diag(lambda_bar=REAL(poles)), "az", z, origin="ssm")
        bv = b.add(Inject(b_bar=REAL(random.normal(size=(width, 2))), heads=heads), "bv", v, origin="ssm")
        b.updates[z] = b.add(Add(), "zn", az, bv, origin="ssm")
        c = REAL(random.normal(size=(width, 2)))
        v = b.add(Readout(c=c, heads=heads, channels=width), "cz", "zn", origin="ssm")
    poles = random.uniform(-0.3, 0.99, (2, width))
    if seed % 3 == 2:
        x = real_recurrence(b, "ema", poles[0], matrix("drive", v, width), "ema")
        y = matrix("read", x, width)
    else:
        states = [real_recurrence(b, "ema", pole, v, "ema") for pole in poles[: 1 + seed % 3]]
        reads = [
            b.add(Scale(factor=REAL(random.normal(size=width))), f"cx{k}", x, origin="ema")
            for k, x in enumerate(states)
        ]
        du = b.add(Scale(factor=REAL(random.normal(size=width))), "du", v, origin="ema")
        y = b.add(Add(), "y", *reads, du, origin="ema")
        x = states[0]
    soft = b.add(Activation(kind="softplus"), "soft", y, origin="soft")
    above = b.add(Offset(value=REAL(np.full(width, 0.5))), "above", soft, origin="root")
    root = b.add(Activation(kind="rsqrt"), "root", above, origin="root")
    b.output("level", matrix("decoder", root, 3), "step")
    if seed % 2:
        last = next(state for state, update in b.updates.items() if update == x)
        b.outputs.append(Output("label", matrix("classes", last, 2), "last", kind="class", names=("no", "yes")))
    else:
        b.outputs.append(Output("label", matrix("classes", soft, 2), "step", kind="class"))
    return verify(b.graph())


@cache
def time_stages(seed: int, *, arrays: bool = False) -> dict[str, Graph]:
    """The graph after every pass; every third of the published scheme, every other dithered."""
    scheme = "zhao" if seed % 4 == 3 else "qssm"
    options = QuantiseOptions(scheme, 8, 9, 11, 11, dither=bool(seed % 2))
    few = replace(FULL, clip=False)  # which looks at every 29th step, and there are few
    methods = PLAIN if scheme == "zhao" or seed % 4 == 1 else few
    return dict(compile_stages(time_model(seed, arrays=arrays), options, sensor_samples(2, seed, 4, 48), methods))


AFFINE = InputFormat(12, 0, False, scale=[0.0123, 0.004], zero=[2048, 1900])


def around_mid_scale(seed: int = 0, batch: int = 4, length: int = 48) -> NDArray[np.int64]:
    """Codes of a 12-bit converter, some tens of steps about a middle that is no zero."""
    walk = np.random.default_rng(seed).normal(size=(batch, length, 2)).cumsum(axis=1)
    return np.asarray(np.rint(2048 + 6.0 * walk), np.int64)


@cache
def affine_stages(seed: int) -> dict[str, Graph]:
    """A model of samples in real units a channel, with zero points."""
    samples = Calibration(around_mid_scale(seed), run)
    return dict(run_pipeline(PassPlan(time_model(seed), QuantiseOptions(), AFFINE, samples)))
