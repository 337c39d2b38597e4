"""The ledger's claims, and what stands against a message."""
