"""The typed schema of the configuration, and validation across its fields."""

SUBSETS = ("train", "validate", "test")
"""The parts of a split."""

CONDITIONS = ("noise", "music", "babble")
"""What can be mixed into copies of the test recordings, which are the subset ``test_<name>``."""

CHECKPOINTS = ("last", "best")
"""After the last epoch, as T has it; or at the highest accuracy on the validation set."""

SOURCES = ("patterns", "maximized", "utterances")
"""What can be turned back to sound."""

WORKS = ("thesis", "krug")
"""Whose numbers and figures the report can put beside a run's."""
