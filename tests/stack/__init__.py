"""The embedded servers: start, stop, crash and refusal."""
