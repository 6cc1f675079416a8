"""Letters: the recogniser's symbols, from its scores to text, and how wrong the text is."""
