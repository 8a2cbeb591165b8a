def split_head(stream):
    """Misconception: if nothing came, wait and ask again."""
    got = b""
    while b"\r\n\r\n" not in got:
        got += stream.recv(4096)
    end = got.index(b"\r\n\r\n") + 4
    return got[:end], got[end:]
