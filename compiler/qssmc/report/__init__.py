"""Reports: what a design costs and what is proven of it, as plain data for JSON and tables."""

from qssmc.report.alignment import alignment_report
from qssmc.report.certificate import certificate
from qssmc.report.storage import head_count, state_numbers, storage_report

__all__ = ["alignment_report", "certificate", "head_count", "state_numbers", "storage_report"]
