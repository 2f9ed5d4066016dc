"""What a user can put right."""


class StudyError(ValueError):
    """Names what was asked for, what was expected and what was found, in one line."""
