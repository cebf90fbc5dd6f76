"""Oscillators: a complex pole as two real registers, v and p, of which the second only ever sees the first.

    v' = rho v - kappa p + u
    p' = rho p + v'
    y  = c_p p' + c_v v'

The determinant of this step is rho^2 whatever kappa is, and with kappa in (0, (1 + rho)^2) both eigenvalues lie inside
the unit circle. The decay rho is digital, so an error of the analog kappa moves a pole along a circle and never out of
it; a pole at rho e^(i theta) has kappa = 2 rho (1 - cos theta). It is the structure of Chamberlin's state-variable
filter and of the implicit-explicit step of LinOSS (Rusch and Rus, arXiv 2410.03943).
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

Real = NDArray[np.float64]
_EVERY = 3  # steps


@dataclass(frozen=True)
class Oscillators:
    """One entry a state. rho: decay a step; kappa: squared frequency; c_p, c_v: readout of the registers."""

    rho: Real
    kappa: Real
    c_p: Real
    c_v: Real

    @classmethod
    def of(cls, lambda_bar: NDArray[np.complex128], weight: NDArray[np.complex128]) -> Oscillators:
        """The oscillators whose y is Re(sum of weight * x) for x' = lambda_bar x + u; weight is c * b_bar.

        Both have the transfer function (n0 + n1 / z) / (1 - 2 Re(lambda_bar) / z + |lambda_bar|^2 / z^2) with
        n0 = Re(weight) and n1 = -Re(weight * conj(lambda_bar)).
        """
        rho = np.maximum(np.abs(lambda_bar), 2.0**-30)
        kappa = 2.0 * (rho - lambda_bar.real)
        c_v = (weight * lambda_bar.conj()).real / rho
        return cls(rho, kappa, weight.real - c_v, c_v)

    def peaks(self, u: Real, share: float) -> tuple[Real, Real, Real]:
        """|p|, |v| and |u - kappa p| of each state that this share of all values stays within.

        u: (count, steps, states), one of its steps in a few is looked at.
        """
        p = np.zeros((len(u), u.shape[2]))
        v = np.zeros_like(p)
        seen: list[NDArray[np.float32]] = []
        for t in range(u.shape[1]):
            column = u[:, t] - self.kappa * p
            v = self.rho * v + column
            p = self.rho * p + v
            if t % _EVERY == 0:
                seen.append(np.abs([p, v, column]).astype(np.float32))
        tall, fast, wide = np.quantile(np.concatenate(seen, axis=1), share, axis=1, overwrite_input=True)
        return tall, fast, wide
