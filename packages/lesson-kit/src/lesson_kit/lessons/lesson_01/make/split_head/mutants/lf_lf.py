def split_head(stream):
    """Misconception: an empty line is two line feeds."""
    got = b""
    while b"\n\n" not in got.replace(b"\r", b""):
        piece = stream.recv(4096)
        if not piece:
            return None
        got += piece
    plain = got.replace(b"\r", b"")
    end = plain.index(b"\n\n") + 2
    return plain[:end], plain[end:]
