def split_head(stream):
    """Return (head, rest), or None if the connection closes before a head has ended."""
    got = b""
    # until the blank line has come
    while ...:
        piece = stream.recv(4096)
        if not piece:
            return None
        got += piece
    # cut behind it
    end = ...
    return got[:end], got[end:]
