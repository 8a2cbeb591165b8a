def read_record(data):
    """Misconception: numbers are as this machine writes them."""
    if len(data) < 8:
        return None
    end = 8 + int.from_bytes(data[4:6], "little")
    if len(data) < end + data[6]:
        return None
    return data[1], int.from_bytes(data[2:4], "little"), data[8:end], data[end + data[6] :]
