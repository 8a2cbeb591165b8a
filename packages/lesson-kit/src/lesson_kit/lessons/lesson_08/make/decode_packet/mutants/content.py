def decode_packet(data):
    """Misconception: what comes with a packet belongs to it."""
    # decode: the header
    if data[:1] not in (b"", b"\0"):
        raise ValueError("a request begins with modifier 0: this is something else")
    size = int.from_bytes(data[1:3], "little")
    if len(data) < 4 or len(data) < 4 + size:
        return None
    # decode: the block
    words, at = [], 4
    while at < 4 + size:
        begin = at + 2
        at = begin + int.from_bytes(data[at:begin], "little")
        words.append(data[begin:at].decode())
    return dict(zip(words[::2], words[1::2])), b""
