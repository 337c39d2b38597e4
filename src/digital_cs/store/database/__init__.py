"""Postgres itself: connections, deadlocks, arrays and streams."""
