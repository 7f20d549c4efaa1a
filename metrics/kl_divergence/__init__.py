"""Kullback-Leibler divergence."""
