"""One's own recordings: look at them, choose for them, and write a first experiment."""
