"""Datasets as integer sequences, the way a sensor delivers them; no torch here."""

from qssmc.data.catalog import DATASETS, load_split
from qssmc.data.sequences import InputFormat, Sequences

__all__ = ["DATASETS", "InputFormat", "Sequences", "load_split"]
