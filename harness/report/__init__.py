"""What runs come to: aggregation over seeds and splits, and its forms."""
