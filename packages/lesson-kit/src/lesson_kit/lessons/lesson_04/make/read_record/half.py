def read_record(data):
    """Return (type, request id, content, rest), or None if the first record is not all here."""
    # the header: eight bytes
    if len(data) < 8:
        return None
    kind = data[1]
    request_id = int.from_bytes(data[2:4], "big")
    size = ...
    padding = ...
    # the content, and where the next record begins
    if ...:
        return None
    return kind, request_id, data[8:], b""
