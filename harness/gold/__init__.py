"""The self-test of the harness: the true answers, submitted and scored as an agent's would be."""
