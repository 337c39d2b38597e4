"""Commands about accounts, people, and what is loaded about them."""
