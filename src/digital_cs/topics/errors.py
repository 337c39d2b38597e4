"""What can go wrong with texts and topics."""

from __future__ import annotations

from digital_cs.errors import DigitalCsError


class TooLittleError(DigitalCsError):
    """Topics can be learned from texts of at least two topics. Confirm some, or write rules."""


class UnreadableModelError(DigitalCsError):
    """What was learned about topics cannot be read. Learn it again."""
