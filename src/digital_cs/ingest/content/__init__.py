"""The library's imports, links and evidence."""
