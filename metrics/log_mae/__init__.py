"""Logarithm of the mean absolute error."""
