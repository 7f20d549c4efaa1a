"""The images that agents run in."""
