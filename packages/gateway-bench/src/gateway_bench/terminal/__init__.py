"""A run on a terminal, while it goes on and at its end."""
