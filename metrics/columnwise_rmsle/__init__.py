"""Column-wise root mean squared logarithmic error."""
