def split_head(stream):
    """Return (head, rest), or None if the connection closes before a head has ended."""
    # until the blank line has come: stream.recv(4096)
    # cut behind it
