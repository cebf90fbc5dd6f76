"""Fuzz: changed inputs for every reader of the command line; none may end in exit 5, a traceback or a hang."""
