"""Diagonal: a dense state matrix as poles, by its eigenvectors, with a limit on their condition number."""

from __future__ import annotations

import numpy as np

from qssmc.frontend.layers.system import Complex, Real, System
from qssmc.ir.ops import Method, TypeFault

# Of the eigenvectors, columns of length 1. Terms so much larger than their sum cancel in the readout of a diagonal
# form: at this limit impulse responses of HiPPO matrices are off by 1e-4, beyond it digits are lost fast.
MOST_CONDITION = 2e8
_STILL = 1e-12  # an imaginary part that is rounding


def discretized(a: Real, b: Real, dt: float, method: Method) -> tuple[Real, Real]:
    """One step of dx/dt = a x + b u: a_bar (N, N) and b_bar (N, H)."""
    n = len(a)
    if method == "bilinear":
        left = np.linalg.inv(np.eye(n) - 0.5 * dt * a)
        return left @ (np.eye(n) + 0.5 * dt * a), dt * left @ b
    joint = np.zeros((n + b.shape[1],) * 2)
    joint[:n, :n], joint[:n, n:] = a * dt, b * dt
    powers = expm(joint)
    return powers[:n, :n], powers[:n, n:]


def expm(a: Real) -> Real:
    """exp of a matrix: a Taylor series of a / 2**n, squared n times (Moler and Van Loan, SIAM Review 2003, method 3).

    >>> bool(np.allclose(expm(np.array([[0.0, 1.0], [0.0, 0.0]])), [[1, 1], [0, 1]]))
    True
    """
    halvings = max(0, int(np.ceil(np.log2(max(float(np.abs(a).sum(1).max()), 1e-30)))) + 1)
    small = a / 2.0**halvings
    term = total = np.eye(len(a))
    for k in range(1, 19):
        term = term @ small / k
        total = total + term
    for _ in range(halvings):
        total = total @ total
    return np.asarray(total)


def diagonal_form(a: Real, b: Real, c: Real) -> tuple[Complex, Complex, Complex]:
    """x' = a x + b u, y = c x' with real a (N, N), b (N, H_in), c (H_out, N), as poles (S,), b (S, H_in), c (H_out, S).

    y = Re(c x); a pair of conjugate poles counts once, and twice in c. Where the eigenvectors hardly tell the poles
    apart, the states that are weakest in a balanced form (Moore, IEEE TAC 1981) are left out, as few as help. Raises
    TypeFault, with the condition number, if that does not help.
    """
    first = condition = _condition(a)
    if condition <= MOST_CONDITION:
        return _eigen(a, b, c)
    if not np.abs(np.linalg.eigvals(a)).max() < 1.0:
        raise TypeFault(f"its state matrix is not stable: its largest pole is {np.abs(np.linalg.eigvals(a)).max():.6g}")
    left, values, right = _balance(a, b, c)
    for kept in range(int((values > _STILL * values[0]).sum()), 0, -1):
        scale = 1.0 / np.sqrt(values[:kept])
        to, back = scale[:, None] * left[:kept], right[:, :kept] * scale
        small = to @ a @ back
        condition = _condition(small)
        if condition <= MOST_CONDITION and np.abs(np.linalg.eigvals(small)).max() < 1.0:
            return _eigen(small, to @ b, c @ back)
    raise TypeFault(
        f"its state matrix of {len(a)} states has no diagonal form: its eigenvectors have condition number {first:.1e} "
        f"(allowed: {MOST_CONDITION:.0e}); use fewer states, or a layer whose states are diagonal"
    )


def _condition(a: Real) -> float:
    condition = float(np.linalg.cond(np.linalg.eig(a)[1])) if len(a) else 1.0
    return condition if np.isfinite(condition) else np.inf


def _eigen(a: Real, b: Real, c: Real) -> tuple[Complex, Complex, Complex]:
    values, vectors = np.linalg.eig(a)
    inputs = np.linalg.solve(vectors.astype(np.complex128), b.astype(np.complex128))
    outputs = c.astype(np.complex128) @ vectors
    single = np.abs(values.imag) <= _STILL * np.abs(values)
    kept = single | (values.imag > 0.0)
    poles = np.where(single, values.real, values).astype(np.complex128)
    return poles[kept], inputs[kept], (outputs * np.where(single, 1.0, 2.0))[:, kept]


def _balance(a: Real, b: Real, c: Real) -> tuple[Real, Real, Real]:
    """Rows to, values (N,) and columns back: to a back is balanced once both are divided by the values' roots."""
    reach, seen = _root(_gramian(a, b)), _root(_gramian(a.T, c.T))
    u, values, v = np.linalg.svd(seen.T @ reach)
    return u.T @ seen.T, values, reach @ v.T


def _gramian(a: Real, b: Real) -> Real:
    """The sum of a**k b b' a'**k over all k, by doubling the number of terms."""
    total = b @ b.T
    for _ in range(64):
        more = a @ total @ a.T
        total = total + more
        a = a @ a
        if not np.abs(more).max() > 1e-18 * np.abs(total).max():
            break
    return np.asarray(total)


def _root(gramian: Real) -> Real:
    values, vectors = np.linalg.eigh((gramian + gramian.T) / 2.0)
    return np.asarray(vectors * np.sqrt(np.maximum(values, 0.0)))


def by_heads_of(parts: list[tuple[Complex, Complex, Complex]], d: Real | None) -> System:
    """Systems of one input and one output each, (poles, b, c) of a head, as one system of heads."""
    heads = np.repeat(np.arange(len(parts)), [len(poles) for poles, _, _ in parts])
    poles, b, c = (np.concatenate([part[i].ravel() for part in parts]) for i in range(3))
    return System(poles, b, c, d, len(parts), heads)
