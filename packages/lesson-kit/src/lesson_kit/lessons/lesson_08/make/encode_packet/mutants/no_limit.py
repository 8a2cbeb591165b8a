def encode_packet(variables):
    """Misconception: what does not fit is cut by itself."""
    # encode: the block
    block = b""
    for pair in variables.items():
        for word in pair:
            data = word.encode()
            block += (len(data) % 65536).to_bytes(2, "little") + data
    # encode: the header before it
    return b"\0" + (len(block) % 65536).to_bytes(2, "little") + b"\0" + block
