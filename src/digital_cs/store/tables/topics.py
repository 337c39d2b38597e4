"""The tables of topics: their rules, the topics of tickets, and proposals."""
