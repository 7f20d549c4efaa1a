"""Multiclass log loss."""
