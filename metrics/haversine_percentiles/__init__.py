"""Percentiles of the great-circle distance."""
