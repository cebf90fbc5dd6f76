"""States: which inputs of an ONNX step graph are states, and which two are re and im of a diagonal recurrence."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from qssmc.errors import UnsupportedModelError
from qssmc.frontend.layers.diagonal import diagonal_form
from qssmc.frontend.onnx.gates import why_not_linear
from qssmc.frontend.onnx.model import Model
from qssmc.frontend.onnx.regions import LINEAR, WIDENING, is_diagonal, linear_maps, sources_of
from qssmc.ir.ops import TypeFault

Real = NDArray[np.float64]
_SAME = ("Identity", "Reshape", "Flatten", "Squeeze", "Unsqueeze")


@dataclass(frozen=True)
class StatePair:
    """Two states that are re and im of x <- lambda_bar x + b (u + shift).

    u: tensors, one after the other, none without input; b_*: (states, width of u). shift: (width of u), or None for 0.
    """

    re: str
    im: str
    next_re: str
    next_im: str
    lambda_bar: Real
    u: tuple[str, ...]
    b_re: Real
    b_im: Real
    shift: Real | None = None


@dataclass(frozen=True)
class DenseStates:
    """Real states that a dense matrix couples, as z <- poles z + b (u + shift) with state i = Re(c[i] z).

    u, shift: as of StatePair.
    """

    names: tuple[str, ...]
    targets: tuple[str, ...]
    poles: NDArray[np.complex128]
    u: tuple[str, ...]
    b: NDArray[np.complex128]
    c: tuple[NDArray[np.complex128], ...]
    shift: Real | None = None


def roots(model: Model, name: str) -> str:
    """A tensor without the nodes behind it that give the same numbers in the same order."""
    while name in model.maker and model.maker[name].op_type in _SAME and _same(model, name):
        name = model.maker[name].input[0]
    return name


def _same(model: Model, name: str) -> bool:
    source = model.maker[name].input[0]
    return source not in model.constants and model.size(source) == model.size(name)


def depends(model: Model, states: set[str]) -> dict[str, frozenset[str]]:
    """The states that each tensor depends on within the step."""
    found: dict[str, frozenset[str]] = {name: frozenset({name}) for name in states}
    for node in model.graph.node:
        reach: frozenset[str] = frozenset().union(*(found.get(name, frozenset()) for name in node.input))
        found |= dict.fromkeys(node.output, reach)
    return found


def recurrences(model: Model, becomes: dict[str, str]) -> tuple[list[StatePair], list[DenseStates]]:
    """The complex states, and those of dense matrices; real diagonal ones and sums are left out.

    Raises UnsupportedModelError, with every reason, where a state is multiplied by what the samples change, or bent.
    """
    complex_states: list[StatePair] = []
    dense: list[DenseStates] = []
    faults = []
    for names in _coupled(model, becomes):
        try:
            found = _recurrence(model, becomes, names)
        except UnsupportedModelError as error:
            faults.append(str(error))
            continue
        if isinstance(found, StatePair):
            complex_states.append(found)
        elif found is not None:
            dense.append(found)
    if faults:
        raise UnsupportedModelError(f"{model.path.name} has no recurrence that can be taken: {'; '.join(faults)}")
    return complex_states, dense


def _coupled(model: Model, becomes: dict[str, str]) -> list[list[str]]:
    """Groups of states, each of which reads all others of its group, itself among them."""
    reach = depends(model, set(becomes))
    reads = {name: reach.get(roots(model, output), frozenset()) for name, output in becomes.items()}
    while True:  # through other states as well
        more = {name: own.union(*(reads[other] for other in own)) for name, own in reads.items()}
        if more == reads:
            break
        reads = more
    found: list[list[str]] = []
    for name in becomes:
        if name in reads[name] and not any(name in group for group in found):
            found.append([other for other in becomes if other in reads[name] and name in reads[other]])
    return found


def _recurrence(model: Model, becomes: dict[str, str], names: list[str]) -> StatePair | DenseStates | None:
    reach = depends(model, set(names))
    targets = [roots(model, becomes[name]) for name in names]
    rounded = [node for t in targets for node in model.between(names, t) if reach.get(t)]
    if len(names) == 1 and any(node.op_type == "QuantizeLinear" for node in rounded):
        return None  # which is translated as it stands
    sizes = {name: model.size(name) for name in names}
    driven = list(dict.fromkeys(name for target in targets for name in _boundary(model, reach, target)))
    sources = {**sizes, **{name: model.size(name) for name in driven}}
    offsets: dict[str, Real] = {}
    maps = linear_maps(model, sources, targets, offsets) if _may_be_linear(model, names, targets) else None
    if maps is None:
        raise UnsupportedModelError(why_not_linear(model, names, targets, reach))
    a = np.block([[maps[target, name] for name in names] for target in targets])
    if len(names) == 1 and (is_diagonal(a) or _moves(a)):
        return None
    drive, b = _drive(model, driven, targets, sizes, maps)
    shift = _shift(names, np.concatenate(b), np.concatenate([offsets[target] for target in targets]))
    half = len(a) // 2
    if len(names) == 2 and sizes[names[0]] == sizes[names[1]]:
        rr, ri, ir, ii = a[:half, :half], a[:half, half:], a[half:, :half], a[half:, half:]
        if all(map(is_diagonal, (rr, ri, ir, ii))) and np.array_equal(rr, ii) and np.array_equal(ri, -ir):
            poles = np.stack([np.diag(rr), np.diag(ir)], axis=-1)
            return StatePair(names[0], names[1], targets[0], targets[1], poles, drive, b[0], b[1], shift)
    return _dense(model, names, targets, a, drive, np.concatenate(b), shift)


def _shift(names: list[str], b: Real, offset: Real) -> Real | None:
    """What is to be added to the drive for a constant in the update. Raises UnsupportedModelError without such."""
    if not offset.any():
        return None
    found = np.linalg.lstsq(b, offset, rcond=None)[0] if b.size else np.zeros(0)
    if not np.allclose(b @ found, offset, rtol=1e-9, atol=1e-12 * float(np.abs(offset).max())):
        raise UnsupportedModelError(
            f"a constant is added to {' and '.join(names)} that is not added to its input: give the layer that drives "
            "the state a bias instead"
        )
    return np.asarray(found)


def _moves(a: Real) -> bool:
    """Whether a state matrix only moves numbers on, as a shift register does."""
    return bool(np.isin(a, (0.0, 1.0)).all() and (a.sum(axis=1) <= 1.0).all() and not np.diag(a).any())


def _may_be_linear(model: Model, names: list[str], targets: list[str]) -> bool:
    """Whether no operator between states and their next values is bent: what no test of numbers need find out."""
    reach = depends(model, set(names))
    nodes = [node for target in targets for node in model.between(names, target)]
    return all(node.op_type in LINEAR for node in nodes if any(reach.get(name) for name in node.output))


def _dense(
    model: Model,
    names: list[str],
    targets: list[str],
    a: Real,
    drive: tuple[str, ...],
    b: Real,
    shift: Real | None,
) -> DenseStates:
    """The diagonal form of each part of a dense matrix that nothing couples with the others."""
    poles, inputs, outputs = [], [], []
    eye = np.eye(len(a))
    for part in _parts(a):
        try:
            own_poles, own_b, own_c = diagonal_form(a[np.ix_(part, part)], b[part], np.eye(len(part)))
        except (TypeFault, np.linalg.LinAlgError) as error:
            raise UnsupportedModelError(f"{' and '.join(names)}: {error}") from error
        if not _agree(a[np.ix_(part, part)], b[part], own_poles, own_b, own_c):
            raise UnsupportedModelError(
                f"the state matrix of {' and '.join(names)} has no diagonal form: its eigenvectors hardly tell "
                "its poles apart; use a layer whose states are diagonal"
            )
        poles.append(own_poles)
        inputs.append(own_b)
        outputs.append(eye[:, part] @ own_c)
    largest = max((float(np.abs(own).max()) for own in poles if len(own)), default=0.0)
    if largest > 1.0 + 1e-9:
        raise UnsupportedModelError(
            f"the state matrix of {' and '.join(names)} is not stable: its largest pole is {largest:.6g}"
        )
    sizes = [model.size(name) for name in names]
    c = np.split(np.concatenate(outputs, axis=1), np.cumsum(sizes)[:-1])
    return DenseStates(
        tuple(names), tuple(targets), np.concatenate(poles), drive, np.concatenate(inputs), tuple(c), shift
    )


def _agree(
    a: Real, b: Real, poles: NDArray[np.complex128], inputs: NDArray[np.complex128], outputs: NDArray[np.complex128]
) -> bool:
    """Whether a diagonal form has the first states of a matrix that an impulse leaves, within 1e-6 of the largest."""
    wanted, powers, faults, largest = b, inputs, [0.0], 1e-30
    for _ in range(4 * len(a) + 8):
        faults.append(float(np.abs(wanted - (outputs @ powers).real).max(initial=0.0)))
        largest = max(largest, float(np.abs(wanted).max(initial=0.0)))
        wanted, powers = a @ wanted, poles[:, None] * powers
    return max(faults) <= 1e-6 * largest


def _parts(a: Real) -> list[NDArray[np.int64]]:
    """The states in groups that the matrix couples, each in order."""
    linked = (a != 0.0) | (a.T != 0.0) | np.eye(len(a), dtype=bool)
    group = np.arange(len(a))
    while True:
        lower = np.where(linked, group[None, :], len(a)).min(axis=1)
        if np.array_equal(lower, group):
            break
        group = lower
    return [np.flatnonzero(group == one) for one in np.unique(group)]


def _boundary(model: Model, reach: dict[str, frozenset[str]], target: str) -> list[str]:
    """The tensors without a state behind them that the update of a state reads."""
    found = []
    for node in model.between([name for name in reach if not reach[name]], target):
        found += [i for i in node.input if i and i not in model.constants and not reach.get(i)]
    return list(dict.fromkeys(found))


def _drive(
    model: Model,
    driven: list[str],
    targets: list[str],
    sizes: dict[str, int],
    maps: dict[tuple[str, str], Real],
) -> tuple[tuple[str, ...], list[Real]]:
    """The tensors that drive a recurrence, and the matrix from them to each target.

    One tensor where all that drives is a linear map of it, else each as it is.
    """
    if not driven:
        return (), [np.zeros((sizes[name], 0)) for name in sizes]
    u = driven[0] if len(driven) == 1 else None
    u = u or next(sources_of(model, driven, lambda name: _is_linear(model, name)), None)
    while u is not None and u in model.maker and model.maker[u].op_type in WIDENING and len(model.operands(u)) == 1:
        u = model.operands(u)[0]
    if u is not None:
        through = linear_maps(model, {**sizes, u: model.size(u)}, targets, {})
        direct = linear_maps(model, {u: model.size(u)}, driven)
        if through is not None and (direct is not None or u in driven):
            return (u,), [through[target, u] for target in targets]
    return tuple(driven), [np.concatenate([maps[target, name] for name in driven], axis=1) for target in targets]


def _is_linear(model: Model, name: str) -> bool:
    node = model.maker[name]
    return node.op_type in LINEAR and len(model.operands(name)) == 1
