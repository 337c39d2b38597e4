"""The library: items, evidence, links, reviews, who is shown what."""
