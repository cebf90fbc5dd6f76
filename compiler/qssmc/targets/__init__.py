"""Targets: one record for each target that can be compiled to, in one registry."""
