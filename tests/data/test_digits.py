"""The embedded digits, in their own form and enlarged, and the sequences that all data sets become."""

from __future__ import annotations

import builtins

import numpy as np
import pytest

from qssmc.data import InputFormat, load_split
from qssmc.errors import ToolError, UsageError


def test_digits_are_split_in_the_order_of_their_writers():
    train, test = load_split("digits", "train"), load_split("digits", "test")
    assert (train.samples.shape, test.samples.shape) == ((1437, 64, 1), (360, 64, 1))
    assert (int(train.samples.min()), int(train.samples.max())) == (0, 16)
    assert train.format.bounds == (0, 31)
    assert float(train.format.to_real(train.samples).max()) == 1.0
    from sklearn.datasets import load_digits

    images = load_digits().images
    assert np.array_equal(np.concatenate([train.samples, test.samples])[..., 0].reshape(-1, 8, 8), images)


def test_enlarged_digits_have_the_form_of_mnist():
    small, large = load_split("digits", "test"), load_split("digits28", "test")
    assert large.samples.shape == (360, 784, 1)
    assert large.samples.dtype == np.uint8
    assert large.format == InputFormat(8, 8, signed=False)
    assert np.array_equal(small.labels, large.labels)
    images = large.samples.reshape(-1, 28, 28)
    frame = images.copy()
    frame[:, 4:24, 4:24] = 0
    assert not frame.any()
    # Ink stays where it was: the centre of mass, in units of the image, moves by less than a small pixel.
    for before, after in zip(small.samples[:50].reshape(-1, 8, 8), images[:50, 4:24, 4:24], strict=True):
        assert np.abs(centre(before) - centre(after)).max() < 1 / 8


def centre(image: np.ndarray) -> np.ndarray:
    weight = image.astype(float) / image.sum()
    axis = (np.arange(len(image)) + 0.5) / len(image)
    return np.array([(weight.sum(1) * axis).sum(), (weight.sum(0) * axis).sum()])


def test_a_draw_is_seeded_and_without_repetition():
    data = load_split("digits", "test")
    numbered = type(data)(np.arange(360).reshape(360, 1, 1), data.labels, data.format)
    assert numbered.take(4).samples.ravel().tolist() == [0, 1, 2, 3]
    drawn = numbered.take(300, seed=1).samples.ravel().tolist()
    assert drawn == numbered.take(300, seed=1).samples.ravel().tolist()
    assert drawn != numbered.take(300, seed=2).samples.ravel().tolist()
    assert len(set(drawn)) == 300
    assert len(numbered.take(1000, seed=1)) == 360


@pytest.mark.parametrize(
    ("form", "bounds"),
    [
        (InputFormat(8, 8, False), (0, 255)),
        (InputFormat(16, 13, True), (-32768, 32767)),
        (InputFormat(1, 0, True), (-1, 0)),
    ],
)
def test_bounds_of_a_format(form, bounds):
    assert form.bounds == bounds


@pytest.mark.parametrize(("width", "frac"), [(0, 0), (33, 0), (8, 33), (8, -33)])
def test_absurd_formats_are_refused(width, frac):
    with pytest.raises(UsageError, match="width of 1 to 32 bits"):
        InputFormat(width, frac, signed=True)


def test_without_scikit_learn_the_error_names_the_package(monkeypatch):
    real = builtins.__import__

    def absent(name, *args, **kwargs):
        if name.startswith("sklearn"):
            raise ModuleNotFoundError(name=name)
        return real(name, *args, **kwargs)

    monkeypatch.setattr(builtins, "__import__", absent)
    with pytest.raises(ToolError, match=r"pip install 'qssmc\[train\]'"):
        load_split("digits", "test")
