def split(times):
    """Misconception: the mean is what is typical."""
    parts, before = {}, 0.0
    for name, repeats in times.items():
        typical = sum(repeats) / len(repeats)
        parts[name] = typical - before
        before = typical
    return parts
