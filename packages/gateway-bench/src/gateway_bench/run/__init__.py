"""One measurement, the order of all of them, the whole."""
