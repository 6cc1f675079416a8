"""maximize: the inputs that neurons want most."""
