"""bench: explainers and measures held to known truth, over corpora and seeds."""
