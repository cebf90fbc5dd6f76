"""The driver: from a model to a compiled folder, with or without a search on the way."""
