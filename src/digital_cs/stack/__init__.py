"""The embedded servers of `up`, the demo and the tests."""
