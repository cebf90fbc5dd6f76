"""docs/results/s4d16_mnist.md and s4d64_mnist.md: plain rounding under each scheme."""
