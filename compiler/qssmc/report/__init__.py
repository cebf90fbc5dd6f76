"""Reports: what a design costs and what is proven of it, as plain data for JSON and tables."""

from qssmc.report.alignment import alignment_report
from qssmc.report.arrays import arrays_report
from qssmc.report.bounds import Tally, bounds_report
from qssmc.report.certificate import certificate
from qssmc.report.chart import Line, line_chart, shade_map
from qssmc.report.effort import effort_report
from qssmc.report.picture import bits_picture
from qssmc.report.sizes import sizes_table, target_sizes
from qssmc.report.storage import head_count, state_numbers, storage_report
from qssmc.report.table import bits_table

__all__ = [
    "Line",
    "Tally",
    "alignment_report",
    "arrays_report",
    "bits_picture",
    "bits_table",
    "bounds_report",
    "certificate",
    "effort_report",
    "head_count",
    "line_chart",
    "shade_map",
    "sizes_table",
    "state_numbers",
    "storage_report",
    "target_sizes",
]
