"""compare: explainers beside each other, on the same recordings."""
