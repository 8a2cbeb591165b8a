def read_pairs(content):
    """Misconception: if one of the two lengths has four bytes, both have."""
    pairs = []
    at = 0
    while at < len(content):
        wide = 4 if content[at] & 128 or content[at + 1] & 128 else 1
        sizes = []
        for _ in range(2):
            sizes.append(int.from_bytes(content[at : at + wide], "big") & (0x7FFFFFFF if wide == 4 else 0x7F))
            at += wide
        middle = at + sizes[0]
        end = middle + sizes[1]
        pairs.append((content[at:middle], content[middle:end]))
        at = end
    return pairs
