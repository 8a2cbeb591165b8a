def read_record(data):
    """Misconception: what recv returns is a whole record."""
    if not data:
        return None
    end = 8 + int.from_bytes(data[4:6], "big")
    return data[1], int.from_bytes(data[2:4], "big"), data[8:end], data[end + data[6] :]
