"""From content and a contact to a message."""
