"""Tickets and topics."""
