"""Leave one out: the closed form is what solving anew without each row gives."""

from __future__ import annotations

import numpy as np

from qssmc.passes.refit.matrices import MatrixGather


def test_closed_form_is_what_solving_without_each_row_gives() -> None:
    random = np.random.default_rng(0)
    features, targets, start = (random.normal(size=shape) for shape in ((9, 4), (9, 2), (4, 2)))
    gather = object.__new__(MatrixGather)
    gather._all = [(features[:5], targets[:5]), (features[5:], targets[5:])]
    ridge = np.diag([0.5, 1.0, 0.25, 2.0])
    wanted = 0.0
    for row in range(9):
        x, y = np.delete(features, row, axis=0), np.delete(targets, row, axis=0)
        weight = start + np.linalg.solve(x.T @ x + ridge, x.T @ (y - x @ start))
        wanted += float(((targets[row] - features[row] @ weight) ** 2).sum())
    assert np.isclose(gather.left_out(features.T @ features + ridge, start), wanted, rtol=1e-12)
