def decode_packet(data):
    """Misconception: whatever comes to this port is uwsgi."""
    # decode: the header
    size = int.from_bytes(data[1:3], "little")
    if len(data) < 4 or len(data) < 4 + size:
        return None
    # decode: the block
    words, at = [], 4
    while at < 4 + size:
        begin = at + 2
        at = begin + int.from_bytes(data[at:begin], "little")
        words.append(data[begin:at].decode())
    return dict(zip(words[::2], words[1::2])), data[4 + size :]
