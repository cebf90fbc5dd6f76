"""The artifact: the folder that a compile leaves, its manifest and its hashes."""
