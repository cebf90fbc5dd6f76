"""Proof for all inputs: that the emitted C computes what the golden model's rules compute, by symbolic execution."""
