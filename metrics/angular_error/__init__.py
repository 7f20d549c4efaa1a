"""Mean angular error."""
