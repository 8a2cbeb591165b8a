def split_head(stream):
    """Misconception: one recv is one request."""
    got = stream.recv(4096)
    if not got:
        return None
    head, _, rest = got.partition(b"\r\n\r\n")
    return (head + b"\r\n\r\n", rest) if b"\r\n\r\n" in got else (got, b"")
