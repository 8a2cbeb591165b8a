def read_pairs(content):
    """Misconception: it is an environment, so each name is there once."""
    pairs = {}
    at = 0
    while at < len(content):
        sizes = []
        for _ in range(2):
            wide = 1 if content[at] < 128 else 4
            sizes.append(int.from_bytes(content[at : at + wide], "big") & (0x7FFFFFFF if wide == 4 else 0x7F))
            at += wide
        middle = at + sizes[0]
        end = middle + sizes[1]
        pairs[content[at:middle]] = content[middle:end]
        at = end
    return list(pairs.items())
