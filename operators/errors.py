"""The root of every error that Tapeflow raises on purpose."""


class TapeflowError(Exception):
    """An expected failure with a message meant for the user.

    The message is one line that says what was found, what is allowed and where.
    `retryable` tells whether the same call may succeed later without any change;
    `exit_code` is what the command line ends with (1 failed, 2 wrong usage).
    """

    retryable: bool = False
    exit_code: int = 1


class UsageError(TapeflowError):
    """What was asked for cannot be meant: an unknown name, a bad parameter, a file in the wrong shape."""

    exit_code = 2
