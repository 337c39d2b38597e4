"""Newsletters and their issues."""
