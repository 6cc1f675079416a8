"""listen: what was found inside a network, back to sound."""
