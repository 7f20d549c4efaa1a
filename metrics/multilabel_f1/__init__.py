"""F1 over sets of labels."""
