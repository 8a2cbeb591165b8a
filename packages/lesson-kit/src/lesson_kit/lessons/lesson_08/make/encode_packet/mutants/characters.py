def encode_packet(variables):
    """Misconception: a size counts characters."""
    # encode: the block
    block, count = b"", 0
    for pair in variables.items():
        for word in pair:
            data = word.encode()
            block += len(word).to_bytes(2, "little") + data
            count += 2 + len(word)
    # encode: the header before it
    if count > 65535:
        raise ValueError("a block has 65535 bytes at most: that is what two bytes can say")
    return b"\0" + count.to_bytes(2, "little") + b"\0" + block
