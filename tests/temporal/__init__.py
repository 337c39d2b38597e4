"""The engine's side of Temporal."""
