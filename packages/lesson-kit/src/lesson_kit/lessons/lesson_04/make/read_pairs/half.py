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
                sizes.append(...)
                at += 4
        # the name, then the value
        pairs.append(...)
        at = len(content)
    return pairs
