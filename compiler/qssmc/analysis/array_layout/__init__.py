"""Layout of products on arrays: which cell of which array holds what; nothing here changes a graph."""

from qssmc.analysis.array_layout.converters import converter_of
from qssmc.analysis.array_layout.layout import ArrayLayout, PlannedRead, lay_out, products_of

__all__ = ["ArrayLayout", "PlannedRead", "converter_of", "lay_out", "products_of"]
