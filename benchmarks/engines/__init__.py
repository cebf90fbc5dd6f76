"""Nanoseconds a step of the emitted C beside other runtimes (`make bench`)."""
