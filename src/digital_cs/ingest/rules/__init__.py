"""Who matches kept rules, and what follows when that changes."""
