"""Accounts and people, as sources and operators tell of them."""
