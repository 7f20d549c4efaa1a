"""Column-wise Spearman rank correlation."""
