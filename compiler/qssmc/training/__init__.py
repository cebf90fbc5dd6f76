"""Training of float models in convolution mode."""

from qssmc.training.loop import TrainOptions, train

__all__ = ["TrainOptions", "train"]
