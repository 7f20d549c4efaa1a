"""Word-level Jaccard similarity."""
