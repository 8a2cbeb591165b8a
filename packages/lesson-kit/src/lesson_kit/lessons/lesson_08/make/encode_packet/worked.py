def encode_packet(variables):
    """Return a uwsgi packet of these variables (a dict of str). Raises ValueError if they are too large."""
    # encode: the block
    block = b""
    for pair in variables.items():
        for word in pair:
            data = word.encode()
            block += len(data).to_bytes(2, "little") + data
    # encode: the header before it
    if len(block) > 65535:
        raise ValueError("a block has 65535 bytes at most: that is what two bytes can say")
    return b"\0" + len(block).to_bytes(2, "little") + b"\0" + block
