"""Batch transform: every object under a prefix through a model container, one `.out` object for each."""
