"""Mean absolute error."""
