"""Quadratic weighted kappa."""
