"""Nearest centroids: a classifier of a few numbers, so that many of its models fit into one server."""
