"""Broadcasts: their audience, claims and progress."""
