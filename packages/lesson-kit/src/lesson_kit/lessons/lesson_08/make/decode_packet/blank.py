def decode_packet(data):
    """Return (variables, what is behind the packet), or None if some of it is to come. Raises ValueError."""
    # decode: the header
    # decode: the block
