"""The stages as they are for task=letters: utterances of any length, and what was said."""
