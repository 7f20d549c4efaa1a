"""Kendall tau correlation of orderings."""
