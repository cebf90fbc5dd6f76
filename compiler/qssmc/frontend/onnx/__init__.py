"""The ONNX frontend: a float step graph with explicit states, back into the IR."""

from qssmc.frontend.onnx.compare import compare_with_runtime
from qssmc.frontend.onnx.load import Imported, import_onnx

__all__ = ["Imported", "compare_with_runtime", "import_onnx"]
