"""Verification: golden against what was emitted, value by value, and certificates against tables."""
