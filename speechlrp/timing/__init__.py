"""Known times of phonemes, and how far key steps lie from them."""
