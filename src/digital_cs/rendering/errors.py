"""What can go wrong when an e-mail is looked up or rendered; never tells a customer's data."""

from __future__ import annotations

from collections.abc import Sequence

from digital_cs.domain.problem import Problem
from digital_cs.errors import DigitalCsError, NotFoundError


class EmailNotFoundError(NotFoundError):
    """There is no e-mail of this name. See the files in content/emails."""


class TemplateInvalidError(DigitalCsError):
    """An e-mail has errors and cannot be sent. Correct what `digital-cs check` lists."""

    def __init__(self, email: str, problems: Sequence[Problem]) -> None:
        self.email = email
        self.problems = tuple(problems)
        more = f" (and {len(problems) - 1} more)" if len(problems) > 1 else ""
        super().__init__(f"The e-mail {email} cannot be used: {problems[0]}{more}")


class RenderError(DigitalCsError):
    """An e-mail could not be rendered for one contact. Correct the e-mail or the account's data.

    `file` and `line` say which words of the content were being rendered. The text names the
    author's words only, never a value: it is stored and shown, values are people's data.
    """

    def __init__(self, email: str, file: str, line: int, reason: str) -> None:
        self.email = email
        self.file = file
        self.line = line
        self.reason = reason
        super().__init__(f"{file}:{line}: The e-mail {email} was not rendered: {reason}")


class MissingVariableError(RenderError):
    """A variable has no value for this account and the e-mail gives no default."""


class BadValueError(RenderError):
    """A value is not of the kind that the e-mail needs here."""


class UnsafeLinkError(RenderError):
    """A link built from variables is not http, https or mailto."""


class SubjectError(RenderError):
    """The subject came out empty or too long."""


class OutputTooLargeError(RenderError):
    """The rendered e-mail is larger than an e-mail may be."""
