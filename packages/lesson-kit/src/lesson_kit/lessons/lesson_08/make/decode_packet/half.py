def decode_packet(data):
    """Return (variables, what is behind the packet), or None if some of it is to come. Raises ValueError."""
    # decode: the header
    if len(data) < 4:
        return None
    size = int.from_bytes(data[1:3], "little")
    ...  # is all of it here? is it a packet at all?
    # decode: the block
    words, at = [], 4
    while at < 4 + size:
        begin = at + 2
        at = begin + int.from_bytes(data[at:begin], "little")
        words.append(data[begin:at].decode())
    return dict(zip(words[::2], words[1::2])), ...
