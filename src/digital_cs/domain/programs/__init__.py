"""Programs, and what an enrollment does next."""
