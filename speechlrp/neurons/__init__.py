"""The inputs that neurons want most, and what a layer's steps see."""
