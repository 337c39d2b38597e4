"""Whether a message goes to somebody now, and why not."""
