"""Pixel flipping: is the order that an explanation gives to the bins the true one?"""

STRATEGIES = ("lrp", "random", "lrp_rev")
"""Most relevant first, at random, most negative first (T 6.1)."""

BASELINES = ("zero", "silence", "mean")
"""What a flipped bin becomes: 0 (T), the value of silence, its mean over the training set."""

FILLS = ("zero", "mean", "none")
"""What an augmented bin becomes: 0, or the mean of its Moore neighbourhood (T 6.2).

With ``none`` it stays: training on without augmentation, the control for the other two.
"""
