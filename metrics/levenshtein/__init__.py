"""Levenshtein distance."""
