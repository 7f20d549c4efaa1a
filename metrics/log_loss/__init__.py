"""Binary log loss."""
