"""Conditions as SQL, and who matches which kept rule."""
