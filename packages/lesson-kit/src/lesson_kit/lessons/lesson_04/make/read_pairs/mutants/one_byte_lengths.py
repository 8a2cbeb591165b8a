def read_pairs(content):
    """Misconception: a length is one byte."""
    pairs = []
    at = 0
    while at < len(content):
        middle = at + 2 + content[at]
        end = middle + content[at + 1]
        pairs.append((content[at + 2 : middle], content[middle:end]))
        at = end
    return pairs
