"""F1 score of labelled points that should lie in labelled boxes."""
