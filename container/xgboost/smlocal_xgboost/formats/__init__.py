"""Readers of the four data formats, for files and for request bodies."""
