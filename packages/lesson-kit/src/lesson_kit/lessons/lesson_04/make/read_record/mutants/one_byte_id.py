def read_record(data):
    """Misconception: there are few requests at a time, so an id is a byte."""
    if len(data) < 8:
        return None
    end = 8 + int.from_bytes(data[4:6], "big")
    if len(data) < end + data[6]:
        return None
    return data[1], data[3], data[8:end], data[end + data[6] :]
