def encode_packet(variables):
    """Misconception: the size is that of the whole packet."""
    # encode: the block
    block = b""
    for pair in variables.items():
        for word in pair:
            data = word.encode()
            block += len(data).to_bytes(2, "little") + data
    # encode: the header before it
    if len(block) > 65535:
        raise ValueError("a block has 65535 bytes at most: that is what two bytes can say")
    return b"\0" + (len(block) + 4).to_bytes(2, "little") + b"\0" + block
