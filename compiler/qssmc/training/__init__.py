"""Training of float models in convolution mode."""

from qssmc.training.loop import TrainOptions, accuracy, train
from qssmc.training.recipes import RECIPES, Recipe

__all__ = ["RECIPES", "Recipe", "TrainOptions", "accuracy", "train"]
