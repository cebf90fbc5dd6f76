"""The measurements behind docs/results and `make bench`: one folder a page, run by `python -m benchmarks.FOLDER`."""
