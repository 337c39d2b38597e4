"""What crosses the Temporal boundary: frozen, ids only."""
