"""The face for operators and program managers in a terminal."""
