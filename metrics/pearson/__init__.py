"""Pearson correlation coefficient."""
