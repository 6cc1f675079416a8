"""What a stage reads: the preprocessed corpus, and the network that was trained on it."""
