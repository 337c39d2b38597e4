"""The tables of review cases, and of the mail to colleagues about them."""
