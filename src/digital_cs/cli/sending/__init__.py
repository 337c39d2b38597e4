"""Commands about messages, and about what stands against them."""
