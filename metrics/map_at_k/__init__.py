"""Mean average precision at k."""
