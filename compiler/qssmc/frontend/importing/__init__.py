"""Importing: files of weights that others saved, to the float IR, proven on sequences with the model's own answers."""
