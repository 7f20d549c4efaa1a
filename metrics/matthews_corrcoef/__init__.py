"""Matthews correlation coefficient."""
