"""Registries of images: the distribution protocol, and what ECR adds to it."""
