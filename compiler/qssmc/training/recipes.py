"""Recipes: for each data set, the model and options that `qssmc train` uses where a flag does not say otherwise."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any


@dataclass(frozen=True)
class Recipe:
    """What departs from the defaults of ModelConfig and TrainOptions, and what is recorded for calibration.

    calibration is SOURCE:COUNT, or "none" where recordings may not be stored with a model.
    """

    config: Mapping[str, Any] = field(default_factory=dict)
    options: Mapping[str, Any] = field(default_factory=dict)
    calibration: str = "none"


RECIPES: Mapping[str, Recipe] = {
    # 1 437 sequences of 64 steps: short memories, few states, small batches, a high peak rate and shifted images.
    "digits": Recipe(
        {"d_model": 32, "d_state": 8, "dt_min": 1e-2, "dt_max": 0.5},
        {"epochs": 100, "batch_size": 32, "lr": 3e-2, "weight_decay": 5e-2, "shift": 1},
        "digits:112",
    ),
    "digits28": Recipe({}, {}, "digits28:112"),
    # MNIST's images may not be stored with a model, so digits of the same form stand in for them.
    "mnist": Recipe({}, {"epochs": 50}, "digits28:112"),
    # 2 700 sequences of raw sound: time steps for 100 to 900 Hz, a second layer for the order of sounds, batch norms
    # because quiet recordings hardly move an untrained model, and distortions against learning them by heart.
    "fsdd": Recipe(
        {"d_model": 32, "d_state": 16, "n_layers": 2, "norm": "batch", "dt_min": 1e-2, "dt_max": 0.2},
        {
            "epochs": 100,
            "batch_size": 32,
            "lr": 2e-2,
            "weight_decay": 5e-2,
            "shift": 150,
            "stretch": 12.0,
            "gain": 6.0,
        },
    ),
    # 540 sequences of raw sound, "zero" or "one", and the published size for a crossbar chip: one layer of three heads
    # (arXiv 2412.20215). Recordings differ forty times in loudness; a norm over the three channels before the kernel
    # limits them, so that quiet ones do not fall below the codes of an 8-bit row driver.
    "zero-one": Recipe(
        {"d_model": 3, "d_state": 14, "norm": "layer", "dt_min": 1e-2, "dt_max": 0.2},
        {
            "epochs": 200,
            "batch_size": 32,
            "lr": 2e-2,
            "weight_decay": 1e-2,
            "shift": 150,
            "stretch": 12.0,
            "gain": 6.0,
        },
    ),
}
