"""Error rate."""
