"""When: zones, business days, windows, and lengths of time."""
