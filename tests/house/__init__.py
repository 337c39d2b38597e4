"""The house itself: its layers, its files, its papers."""
