"""Programs, enrollments, and what a touch reads and writes."""
