"""The frontend: torch modules to the float IR, and the check that both compute the same."""

from qssmc.frontend.compare import compare_with_module
from qssmc.frontend.handlers import SUPPORTED_FUNCTIONS, SUPPORTED_MODULES
from qssmc.frontend.trace import trace

__all__ = ["SUPPORTED_FUNCTIONS", "SUPPORTED_MODULES", "compare_with_module", "trace"]
