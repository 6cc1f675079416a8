"""Loss curves, checkpoints and metrics of a training."""
