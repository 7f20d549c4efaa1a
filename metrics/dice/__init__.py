"""Dice coefficient, image by image."""
