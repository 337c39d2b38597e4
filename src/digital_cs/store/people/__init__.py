"""Accounts, their people, and what those want."""
