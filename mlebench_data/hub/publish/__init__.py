"""Publishing: dataset repositories and metrics sent to the Hub or to any storage."""
