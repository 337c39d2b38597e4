"""The tables of evidence: why content may be stale, and what it was good for."""
