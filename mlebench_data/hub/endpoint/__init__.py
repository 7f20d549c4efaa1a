"""A Hub endpoint over a folder of packed repositories: as a server, or within this process."""
