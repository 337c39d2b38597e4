"""The tables of broadcasts: what goes to many, and how far it is."""
