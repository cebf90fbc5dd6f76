"""Products of SSM layers on arrays of a user's size, with the user's converters."""

from qssmc.passes.map_arrays.converters import SetConverters
from qssmc.passes.map_arrays.walk import MapArrays

__all__ = ["MapArrays", "SetConverters"]
