"""F1 score of probabilities."""
