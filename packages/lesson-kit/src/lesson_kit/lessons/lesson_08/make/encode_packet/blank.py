def encode_packet(variables):
    """Return a uwsgi packet of these variables (a dict of str). Raises ValueError if they are too large."""
    # encode: the block
    # encode: the header before it
