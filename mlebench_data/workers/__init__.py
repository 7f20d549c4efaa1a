"""Work on many files that several processes share: placing, hashing, packing.

A worker process knows the standard library and this folder only, so that it starts in hundredths of
a second; modules here import nothing else.
"""
