"""Reports: what a design costs and what is proven of it, as plain data for JSON and tables."""

from qssmc.report.alignment import alignment_report
from qssmc.report.bounds import Tally, bounds_report
from qssmc.report.certificate import certificate
from qssmc.report.chart import Line, line_chart, shade_map
from qssmc.report.effort import effort_report
from qssmc.report.picture import bits_picture
from qssmc.report.storage import head_count, state_numbers, storage_report
from qssmc.report.table import bits_table

__all__ = [
    "Line",
    "Tally",
    "alignment_report",
    "bits_picture",
    "bits_table",
    "bounds_report",
    "certificate",
    "effort_report",
    "head_count",
    "line_chart",
    "shade_map",
    "state_numbers",
    "storage_report",
]
