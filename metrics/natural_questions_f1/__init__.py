"""F1 score of Natural Questions answers."""
