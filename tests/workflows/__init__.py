"""The running things, on real servers, with scripted activities."""
