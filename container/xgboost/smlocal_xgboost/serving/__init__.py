"""Serving the trained models over HTTP."""
