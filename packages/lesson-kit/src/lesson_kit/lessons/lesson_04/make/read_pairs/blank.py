def read_pairs(content):
    """Return a list of (name, value): the pairs in the content of PARAMS, all bytes."""
    # two lengths
    # the name, then the value
