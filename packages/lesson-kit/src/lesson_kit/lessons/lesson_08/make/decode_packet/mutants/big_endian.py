def decode_packet(data):
    """Misconception: numbers on a wire are always big-endian."""
    # decode: the header
    if data[:1] not in (b"", b"\0"):
        raise ValueError("a request begins with modifier 0: this is something else")
    size = int.from_bytes(data[1:3], "big")
    if len(data) < 4 or len(data) < 4 + size:
        return None
    # decode: the block
    words, at = [], 4
    while at < 4 + size:
        begin = at + 2
        at = begin + int.from_bytes(data[at:begin], "big")
        words.append(data[begin:at].decode())
    return dict(zip(words[::2], words[1::2])), data[4 + size :]
