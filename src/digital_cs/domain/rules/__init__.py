"""Conditions with three values, and the segments and triggers made of them."""
