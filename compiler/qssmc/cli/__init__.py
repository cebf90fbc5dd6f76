"""The command line: one file a command, registered in commands.py."""

from qssmc.cli.entry import main

__all__ = ["main"]
