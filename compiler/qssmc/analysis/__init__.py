"""Analyses: facts about a graph that passes, reports and backends ask for; none of them changes a graph."""
