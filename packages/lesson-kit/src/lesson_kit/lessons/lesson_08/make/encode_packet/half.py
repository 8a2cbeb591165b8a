def encode_packet(variables):
    """Return a uwsgi packet of these variables (a dict of str). Raises ValueError if they are too large."""
    # encode: the block
    block = b""
    for pair in variables.items():
        for word in pair:
            data = word.encode()
            block += ...  # its size, and then itself
    # encode: the header before it
    return ...
