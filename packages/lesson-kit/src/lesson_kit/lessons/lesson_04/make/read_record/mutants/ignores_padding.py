def read_record(data):
    """Misconception: the next record begins where the content ends."""
    if len(data) < 8:
        return None
    end = 8 + int.from_bytes(data[4:6], "big")
    if len(data) < end:
        return None
    return data[1], int.from_bytes(data[2:4], "big"), data[8:end], data[end:]
