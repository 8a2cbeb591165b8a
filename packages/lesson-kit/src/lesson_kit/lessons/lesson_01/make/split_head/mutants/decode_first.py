def split_head(stream):
    """Misconception: a request is text, so it is decoded as it comes."""
    got = ""
    while "\r\n\r\n" not in got:
        piece = stream.recv(4096)
        if not piece:
            return None
        got += piece.decode()
    end = got.index("\r\n\r\n") + 4
    return got[:end].encode(), got[end:].encode()
