def read_pairs(content):
    """Misconception: the four bytes are the number, as they stand."""
    pairs = []
    at = 0
    while at < len(content):
        sizes = []
        for _ in range(2):
            wide = 1 if content[at] < 128 else 4
            sizes.append(int.from_bytes(content[at : at + wide], "big"))
            at += wide
        middle = at + sizes[0]
        end = middle + sizes[1]
        pairs.append((content[at:middle], content[middle:end]))
        at = end
    return pairs
