"""Commands that run and check the system."""
