"""The command line: click parses, Hydra composes and runs."""
