"""The passes: functions from graph to graph, one a file or folder; pipeline.py holds their order."""
