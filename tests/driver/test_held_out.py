"""Held-out sequences: of a long file a draw, so that its order, by recording or class, does not decide."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from qssmc.data import InputFormat
from qssmc.driver.error_of_design import HELD_OUT
from qssmc.driver.held_out import held_out_of

SHAPE = (InputFormat(8, 7, True), 1)


def test_of_a_file_in_the_order_of_its_classes_every_class_is_drawn(tmp_path: Path) -> None:
    path = tmp_path / "sorted.npy"
    classes = np.repeat(np.arange(4), HELD_OUT)
    np.save(path, np.broadcast_to(classes[:, None, None], (4 * HELD_OUT, 3, 1)).astype(np.int8))
    found = [held_out_of(str(path), None, 0, SHAPE, steps=None, seed=seed, data=None) for seed in (0, 0, 1)]
    drawn = [samples[:, 0, 0] for samples, _ in found if samples is not None]
    assert [len(one) for one in drawn] == [HELD_OUT] * 3
    assert np.bincount(drawn[0], minlength=4).min() > HELD_OUT // 8
    assert (drawn[0] == drawn[1]).all()
    assert (drawn[0] != drawn[2]).any()
    assert found[0][1] == f"{HELD_OUT} of sorted.npy (seed 0)"


def test_a_short_file_is_taken_whole(tmp_path: Path) -> None:
    np.save(tmp_path / "few.npy", np.arange(15, dtype=np.int8).reshape(5, 3, 1))
    samples, origin = held_out_of(str(tmp_path / "few.npy"), None, 0, SHAPE, steps=None, seed=0, data=None)
    assert samples is not None
    assert (samples[:, :, 0] == np.arange(15).reshape(5, 3)).all()
    assert origin == "few.npy"
