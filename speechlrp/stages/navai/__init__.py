"""navai: what the frames of a letter share, and how well they are aligned."""
