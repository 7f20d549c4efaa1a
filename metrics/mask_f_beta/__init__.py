"""F-beta score of masks."""
