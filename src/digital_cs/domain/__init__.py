"""Rules with no I/O."""
