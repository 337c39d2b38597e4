"""Commands about broadcasts."""
