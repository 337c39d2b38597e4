"""Who is held out of a program, so that its effect can be known: a draw by hash, once (P27)."""

from __future__ import annotations

from digital_cs.domain.programs.enrollment import share_of

SALT = "holdout 1"
"""Goes into every draw. Not a secret: whoever knows it could only foresee who is held out.

With the space in it, no draw is also that of a split, whose first part is the id of a program.
Another salt would draw anew for whoever enters for the first time; who was drawn stays so.
"""


def point(salt: str, program_id: str, account_id: str) -> float:
    """The number in [0, 1) of an account in the draw of a program, always the same.

    The draws of two programs have nothing to do with each other. The same number is made in SQL,
    bit for bit, by `digital_cs.store.programs.holdouts`.
    """
    return share_of(salt, program_id, account_id)


def is_held(point: float, share: float) -> bool:
    """Whether an account is held out, where this share of all accounts is, in percent."""
    return point < share / 100
