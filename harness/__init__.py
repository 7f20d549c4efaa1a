"""Runs agents against competitions and is the home of the `mlebench` command."""
