"""Named lists of competitions, and locks of what each data version must contain (data only)."""
