"""Trust: fuzzers of every reader, the random campaign over all targets, and the mutation campaign, as one page."""
