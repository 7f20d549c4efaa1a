"""Language models for agents: a proxy that holds the keys, counts and ends what costs too much."""
