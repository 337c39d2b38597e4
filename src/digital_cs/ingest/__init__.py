"""What comes in: CSV files and events."""
