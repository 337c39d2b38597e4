"""The running things, one file each. Nothing but this docstring belongs here."""
