"""qssmc: a compiler from trained, quantised diagonal state-space models to verified fixed-point code.

    design = qssmc.compile(module, calibration=samples, output_dir="out")
    qssmc.verify("out")
    answers = qssmc.load("out", engine="c").run(samples)

Names are imported when they are first asked for, so that `import qssmc` is quick and needs no torch.
"""

from __future__ import annotations

from importlib import import_module
from importlib.metadata import version
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from qssmc.data import InputFormat
    from qssmc.driver.api import compile, load, save, trace, verify
    from qssmc.driver.design import CompiledDesign
    from qssmc.driver.loaded import LoadedDesign
    from qssmc.driver.traced_model import TracedModel, load_traced
    from qssmc.errors import QssmcError
    from qssmc.frontend.layers import LayerHandler, register

__version__ = version("qssmc")
__all__ = [
    "CompiledDesign",
    "InputFormat",
    "LayerHandler",
    "LoadedDesign",
    "QssmcError",
    "TracedModel",
    "compile",
    "load",
    "load_traced",
    "register",
    "save",
    "trace",
    "verify",
]
_HOMES = {
    **dict.fromkeys(("compile", "load", "save", "trace", "verify"), "qssmc.driver.api"),
    **dict.fromkeys(("TracedModel", "load_traced"), "qssmc.driver.traced_model"),
    **dict.fromkeys(("LayerHandler", "register"), "qssmc.frontend.layers"),
    "CompiledDesign": "qssmc.driver.design",
    "InputFormat": "qssmc.data",
    "LoadedDesign": "qssmc.driver.loaded",
    "QssmcError": "qssmc.errors",
}


def __getattr__(name: str) -> Any:
    if name not in _HOMES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(import_module(_HOMES[name]), name)


def __dir__() -> list[str]:
    return sorted((*globals(), *__all__))
