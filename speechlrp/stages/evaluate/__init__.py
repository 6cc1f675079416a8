"""evaluate: how often a network is right, on any split and on trials."""
