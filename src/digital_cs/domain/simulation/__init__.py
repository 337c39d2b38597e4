"""Programs played for made-up accounts, on the engine's own decisions."""
