"""Commands about programs and enrollments."""
