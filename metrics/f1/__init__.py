"""F1 of single labels."""
