"""A trained run, asked about single recordings: from a file to an answer."""
