"""Trainable torch models of diagonal state-space layers, and their checkpoints."""

from qssmc.models.checkpoint import Checkpoint, load_checkpoint, save_checkpoint
from qssmc.models.config import ModelConfig
from qssmc.models.network import SequenceModel
from qssmc.models.s4d import S4D

__all__ = ["S4D", "Checkpoint", "ModelConfig", "SequenceModel", "load_checkpoint", "save_checkpoint"]
