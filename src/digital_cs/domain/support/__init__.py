"""Tickets, and the topics that they are about."""
