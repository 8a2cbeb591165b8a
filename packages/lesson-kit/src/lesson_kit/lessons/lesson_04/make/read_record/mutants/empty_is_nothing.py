def read_record(data):
    """Misconception: a record without content says nothing, so look at the next one."""
    while len(data) >= 8:
        end = 8 + int.from_bytes(data[4:6], "big")
        if len(data) < end + data[6]:
            return None
        if end > 8:
            return data[1], int.from_bytes(data[2:4], "big"), data[8:end], data[end + data[6] :]
        data = data[end + data[6] :]
    return None
