def read_pairs(content):
    """Misconception: PARAMS without content are a mistake of the web server."""
    if not content:
        raise ValueError("no variables")
    pairs = []
    at = 0
    while at < len(content):
        sizes = []
        for _ in range(2):
            wide = 1 if content[at] < 128 else 4
            sizes.append(int.from_bytes(content[at : at + wide], "big") & (0x7FFFFFFF if wide == 4 else 0x7F))
            at += wide
        middle = at + sizes[0]
        end = middle + sizes[1]
        pairs.append((content[at:middle], content[middle:end]))
        at = end
    return pairs
