"""Commands about the library."""
