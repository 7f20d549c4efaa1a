"""Metrics: one folder each, loadable by ``evaluate.load`` and callable as a plain function."""
