"""What accounts do in the product, and how far each source is."""
