"""The frontend: torch modules and ONNX graphs to the float IR, and the check that both compute the same.

Names are imported when they are first asked for, because only what reads torch modules needs torch.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from qssmc.frontend.compare import compare_with_module
    from qssmc.frontend.handlers import SUPPORTED_FUNCTIONS, SUPPORTED_MODULES
    from qssmc.frontend.tracing import trace

__all__ = ["SUPPORTED_FUNCTIONS", "SUPPORTED_MODULES", "compare_with_module", "trace"]
_HOMES = {
    "SUPPORTED_FUNCTIONS": "handlers",
    "SUPPORTED_MODULES": "handlers",
    "compare_with_module": "compare",
    "trace": "tracing",
}


def __getattr__(name: str) -> Any:
    if name not in _HOMES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(import_module(f"{__name__}.{_HOMES[name]}"), name)
