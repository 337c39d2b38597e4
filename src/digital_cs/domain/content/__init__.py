"""Content that is kept true: its state, its evidence, its reviewers."""
