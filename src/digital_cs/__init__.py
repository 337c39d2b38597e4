"""digital-cs: durable programs for the accounts that nobody has time to call."""

__version__ = "0.1.0"
