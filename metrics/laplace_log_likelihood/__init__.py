"""Laplace log likelihood."""
