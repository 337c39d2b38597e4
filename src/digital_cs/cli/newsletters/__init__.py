"""Commands about newsletters."""
