"""The errors of the house: each says what happened and what to do."""

from __future__ import annotations

from typing import ClassVar


class DigitalCsError(Exception):
    """Something went wrong that a person should read about.

    The docstring of a subclass is its default message, so that the class and the sentence
    that a person reads cannot drift apart. `retryable` says whether doing the same thing
    again later can help; code decides by class and by this flag, never by reading a message.
    """

    retryable: ClassVar[bool] = False
    exit_code: ClassVar[int] = 1

    def __init__(self, message: str | None = None) -> None:
        text = message if message is not None else " ".join((type(self).__doc__ or "").split())
        super().__init__(text)


class SettingsError(DigitalCsError):
    """A setting has a value that cannot be used. Correct it and start again."""

    exit_code = 2


class UsageError(DigitalCsError):
    """The command was asked for something that it cannot do. See its --help."""

    exit_code = 2


class NotFoundError(DigitalCsError):
    """What was asked for does not exist. Check the id; the list commands show what there is."""

    exit_code = 4


class UnavailableError(DigitalCsError):
    """A server that is needed does not answer. `digital-cs doctor` says which one and why."""

    retryable = True
    exit_code = 3
