"""docs/results/targets.md: C, HLS C++ and ONNX held against the golden model."""
