"""Column-wise root mean squared error."""
