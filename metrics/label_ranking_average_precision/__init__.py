"""Label ranking average precision."""
