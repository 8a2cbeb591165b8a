def read_record(data):
    """Return (type, request id, content, rest), or None if the first record is not all here."""
    # the header: eight bytes
    if len(data) < 8:
        return None
    kind = data[1]
    request_id = int.from_bytes(data[2:4], "big")
    size = int.from_bytes(data[4:6], "big")
    padding = data[6]
    # the content, and where the next record begins
    end = 8 + size
    if len(data) < end + padding:
        return None
    return kind, request_id, data[8:end], data[end + padding :]
