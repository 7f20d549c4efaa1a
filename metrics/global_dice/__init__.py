"""Dice coefficient of all images together."""
