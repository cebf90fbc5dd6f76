"""CompileOptions: what a user may choose for one compilation, checked as a whole."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from qssmc.backends import c as c_backend
from qssmc.driver.autotune import SPACE, SearchSpace
from qssmc.errors import UsageError
from qssmc.passes.methods import PLAIN, Methods
from qssmc.passes.quantise import QuantiseOptions
from qssmc.search import Goal
from qssmc.targets.registry import check_names


@dataclass(frozen=True)
class CompileOptions:
    """What a user may choose. name: prefix of the emitted symbols; vectors: sequences kept for verification.

    answer: what the outputs say, None as the model says; held_out: sequences to measure errors on; max_error: percent
    of an output's deviation that its RMS error may be. goal: what the bits are searched for, in a space; without one
    they are as given. target: options of single targets by name; those that are left out have their defaults.
    """

    name: str
    quantise: QuantiseOptions = field(default_factory=QuantiseOptions)
    targets: tuple[str, ...] = ("c",)
    calib: str | None = None
    seed: int = 0
    vectors: int = 112
    methods: Methods = PLAIN
    goal: Goal | None = None
    space: SearchSpace = SPACE
    target: Mapping[str, Any] = field(default_factory=dict)
    answer: str | None = None
    held_out: str | None = None
    max_error: float | None = None

    def __post_init__(self) -> None:
        check_names(self.targets)
        means = (self.quantise.state_bits, self.quantise.a_bits)
        if self.methods.bits_by is None and any(mean != int(mean) for mean in means):
            raise UsageError("state bits and pole bits must be whole numbers unless --bits-by shares them out")
        if self.methods != PLAIN and self.quantise.scheme != "qssm":
            raise UsageError("--scheme zhao is the published one and takes none of the methods of qssm")
        if self.vectors < 1:
            raise UsageError(f"--vectors must be at least 1, not {self.vectors}")
        if self.max_error is not None and not 0.0 <= self.max_error < np.inf:
            raise UsageError(f"--max-error must be a percentage of at least 0, not {self.max_error}")
        if self.seed < 0:
            raise UsageError(f"--seed must be at least 0, not {self.seed}")
        if (free := c_backend.as_prefix(self.name)) != self.name:
            raise UsageError(
                "--name must be a C identifier of at most 40 letters that starts with one and is no C keyword, "
                f"emitted file or standard header, not {self.name!r}; {free} would do"
            )
