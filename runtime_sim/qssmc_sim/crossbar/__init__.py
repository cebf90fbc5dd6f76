"""The crossbar simulator."""
