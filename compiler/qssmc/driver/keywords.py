"""Keywords: the options of qssmc.compile with their types, made from the records of qssmc.driver.options.

pytest tests/driver/test_keywords.py --update-golden writes this file anew.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any, Literal, TypedDict


class Keywords(TypedDict, total=False):
    """What qssmc.compile takes beside model and data; None stands for the default that `qssmc compile --help` tells."""

    # Prefix of every emitted symbol and file.
    name: str | None
    # Calibration sequences: FILE.npy or DATASET[:COUNT].
    calib: str | None
    # What the outputs say: the largest decides (class), each against 0 (flags), or quantities (values); of several
    # outputs NAME=KIND,NAME=KIND.
    answer: str | None
    # Sequences that nothing is chosen on, to measure errors on: FILE.npy.
    held_out: str | None
    # End with exit code 1, and write nothing, if the RMS error of an output is more than so much of its deviation.
    max_error: float | None
    # Longest sequence that a mean is exact for.
    max_steps: int | None
    # Keep at most so many sequences for verification.
    vectors: int | None
    # Of the draw of calibration sequences.
    seed: int | None
    # Folder of the data sets.
    data: Path | str | None
    # Layers of a module, by class or path, that are linear and time-invariant: they are identified from their impulse
    # responses.
    lti: str | None
    # Of an ONNX step, the output that each state becomes where no name or shape tells: x:x_next,h:h_next.
    state: str | None
    # What a layer may differ by that is identified or whose states are reduced, relative to its largest answer.
    lti_error: float | None
    # qssm: state scales are powers of two; zhao: the published scheme (arXiv 2506.12480).
    scheme: Literal["qssm", "zhao"] | None
    # Bits of weights and of activations.
    bits: str | None
    # Bits of re and of im of a state, in the mean.
    state_bits: float | None
    # Bits of the discrete poles, in the mean.
    a_bits: float | None
    # Poles as 1 plus a scaled difference, or as plain fixed-point numbers (qssm alone).
    a_form: Literal["increment", "cartesian"] | None
    # Bits of the weights that read the samples.
    input_bits: int | None
    # Share bits of states and poles out by layer, head, head and layer (mixed) or state, so that --state-bits and
    # --a-bits are means; none: all have the same.
    bits_by: Literal["layer", "head", "mixed", "state", "none"] | None
    # Round states with a threshold that moves every step, so that slow ones do not stick (qssm alone).
    dither: bool | None
    # Keep so many complex states a head, in the mean.
    states: float | None
    # Remove states that carry at most this share of a layer's output energy.
    prune_loss: float | None
    # Keep so many heads of each layer, with their columns of the mixing matrix.
    heads: int | None
    # Keep so many channels before the decoder, with their rows of the mixing matrix.
    channels: int | None
    # Make input weights of the SSM real, of so many significant bits, 1 for powers of two; 0 leaves them.
    fill: int | None
    # Round the poles of a head together, for the least error of its impulse response, instead of each alone.
    place: bool | None
    # Solve readout, mixing and decoder anew by least squares on the calibration sequences.
    refit: bool | None
    # Choose activation ranges by least clipping plus rounding error instead of percentiles.
    clip: bool | None
    # Best design of at most N bytes, parameters and state.
    budget_bytes: int | None
    # Best design that saves so much against float32.
    saving: float | None
    # Smallest design of this accuracy on held-out sequences; needs --calib DATASET:COUNT.
    min_accuracy: float | None
    # states worked on in one clock.
    lanes: int | None
    # hls: in ns. verilog: with --steps-per-second, in ns.
    clock_period: float | None
    # the device.
    part: str | None
    # of which vendor's tool the project is.
    hls_flavor: Literal["vitis", "vivado"] | None
    # how many the device has; narrower products are adders then.
    multipliers: int | None
    # take the fewest lanes that are so fast at the --clock-period.
    steps_per_second: float | None
    # give the index of the largest output, not all of them.
    argmax: bool | None
    # lines of an array.
    array: Any
    # bits of a signed cell pair, 2 (ternary) to 8; wider weights take several slices.
    cell_bits: int | None
    # bits of each column's converter, or ideal.
    adc_bits: Any
    # bits of each row's converter, or ideal.
    dac_bits: Any
    # whether columns give new states or increments, and y of this step or, late, of the last; oscillator keeps the
    # decay of poles digital.
    form: Literal["incremental", "incremental-lookahead", "delayed", "lookahead", "oscillator"] | None
    # pairs of columns for signed weights, or rows and columns that are never negative.
    encoding: Literal["two-lane", "four-lane"] | None
    # heads share arrays, or, as published, each has its own.
    packing: Literal["shared", "one-head"] | None
    # reads of one array in a step.
    reads: int | None
    # map the SSM kernels, or mixing, encoder and decoder matrices as well.
    map: Literal["ssm", "all"] | None
    # of a cell, in µS, and how far two levels must be apart.
    conductances: Any
