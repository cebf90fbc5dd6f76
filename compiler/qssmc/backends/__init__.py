"""The backends: one package or file a target, each with a pure emit(graph) -> {path: text}."""
