"""The format check that agents may ask for; it knows the public schema, and no answers."""
