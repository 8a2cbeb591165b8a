def read_record(data):
    """Misconception: what is in the record is its content."""
    if len(data) < 8:
        return None
    end = 8 + int.from_bytes(data[4:6], "big") + data[6]
    if len(data) < end:
        return None
    return data[1], int.from_bytes(data[2:4], "big"), data[8:end], data[end:]
