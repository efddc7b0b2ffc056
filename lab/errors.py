"""What the lab tells its user when it cannot go on."""

from collections.abc import Callable

Say = Callable[[str], None]
"""Takes one line of progress; only the command line prints."""


class LabError(Exception):
    """Something a user can understand and mend; the message is one sentence."""
