def read_pairs(content):
    """Return a list of (name, value): the pairs in the content of PARAMS, all bytes."""
    pairs = []
    at = 0
    while at < len(content):
        # two lengths
        sizes = []
        for _ in range(2):
            if content[at] < 128:
                sizes.append(content[at])
                at += 1
            else:
                sizes.append(int.from_bytes(content[at : at + 4], "big") & 0x7FFFFFFF)
                at += 4
        # the name, then the value
        middle = at + sizes[0]
        end = middle + sizes[1]
        pairs.append((content[at:middle], content[middle:end]))
        at = end
    return pairs
