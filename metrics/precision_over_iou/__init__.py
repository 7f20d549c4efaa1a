"""Precision of masks over thresholds of intersection over union."""
