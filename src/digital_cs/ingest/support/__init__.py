"""Tickets from help desks, and their topics."""
