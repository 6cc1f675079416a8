"""Layer-wise relevance propagation for speech networks, from recordings to report."""

__version__ = "0.1.0"
