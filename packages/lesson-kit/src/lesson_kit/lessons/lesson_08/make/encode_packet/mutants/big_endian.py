def encode_packet(variables):
    """Misconception: numbers on a wire are always big-endian."""
    # encode: the block
    block = b""
    for pair in variables.items():
        for word in pair:
            data = word.encode()
            block += len(data).to_bytes(2, "big") + data
    # encode: the header before it
    if len(block) > 65535:
        raise ValueError("a block has 65535 bytes at most: that is what two bytes can say")
    return b"\0" + len(block).to_bytes(2, "big") + b"\0" + block
