def read_record(data):
    """Return (type, request id, content, rest), or None if the first record is not all here."""
    # the header: eight bytes
    # the content, and where the next record begins
