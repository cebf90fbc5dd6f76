"""docs/results/ptq.md: accuracy and memory of designs that were made without training."""
