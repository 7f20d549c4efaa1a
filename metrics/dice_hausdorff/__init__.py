"""Dice coefficient and 3-D Hausdorff distance, combined."""
