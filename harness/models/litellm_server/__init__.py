"""The proxy's process: LiteLLM behind a gate that knows the attempts.

It runs in whatever Python has LiteLLM, which need not be the one that has this package; so it
imports nothing of the package, and its own modules relatively.
"""
