"""Root mean squared error."""
