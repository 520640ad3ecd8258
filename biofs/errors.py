"""What ends a command with one line for the user instead of a traceback."""

USAGE = 2
"""The exit code of a command line that cannot be right, whatever the machine's state."""


class QuietError(Exception):
    """Says in one line what is wrong and what to do; the command ends with `exitcode`.

    The message holds no secrets. It may hold any text otherwise: who shows it makes it one line.
    """

    def __init__(self, message: str, exitcode: int = 1) -> None:
        super().__init__(message)
        self.message = message
        self.exitcode = exitcode


class ConfigError(QuietError):
    """A setting is missing, is invalid, or stands where others can read it."""
