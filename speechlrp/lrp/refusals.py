"""What can go wrong in an explanation, as one-line errors."""


class LRPError(ValueError):
    """The request cannot be met; the message is one line and says how to mend it."""


class LRPWarning(UserWarning):
    """An explanation that is right by its rules and yet says little; one line."""


class NotExplainable(LRPError):
    """The model does something that no rule is known for.

    Raised instead of returning numbers that look right and are not.
    """
