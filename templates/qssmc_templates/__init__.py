"""Templates and hand-written kernels of every target."""
