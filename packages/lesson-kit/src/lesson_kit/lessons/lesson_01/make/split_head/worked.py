def split_head(stream):
    """Return (head, rest), or None if the connection closes before a head has ended."""
    got = b""
    # until the blank line has come
    while b"\r\n\r\n" not in got:
        piece = stream.recv(4096)
        if not piece:
            return None
        got += piece
    # cut behind it
    end = got.index(b"\r\n\r\n") + 4
    return got[:end], got[end:]
