"""The demo: a sample company, ninety days of its programs in ninety seconds, and a look at it."""
