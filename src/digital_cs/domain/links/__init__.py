"""Links: found, brought to one form, judged."""
