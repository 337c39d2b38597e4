"""Every deduplication key, built in one place from ids."""

from __future__ import annotations


def enrollment_id(program_id: str, account_id: str, nth: int) -> str:
    """The nth time of an account in a program."""
    return f"{program_id}:{account_id}:{nth}"


def message_key(enrollment_id: str, visit: int, contact_id: str) -> str:
    """One message: one step visit of one enrollment, to one contact (P13)."""
    return f"{enrollment_id}/{visit}/{contact_id}"


def visit_key(enrollment_id: str, visit: int) -> str:
    """One task or one webhook call: one step visit of one enrollment."""
    return f"{enrollment_id}/{visit}"
