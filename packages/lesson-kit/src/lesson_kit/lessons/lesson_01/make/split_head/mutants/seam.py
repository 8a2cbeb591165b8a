def split_head(stream):
    """Misconception: the blank line lies within one piece."""
    got = b""
    while True:
        piece = stream.recv(4096)
        if not piece:
            return None
        if b"\r\n\r\n" in piece:
            end = piece.index(b"\r\n\r\n") + 4
            return got + piece[:end], piece[end:]
        got += piece
