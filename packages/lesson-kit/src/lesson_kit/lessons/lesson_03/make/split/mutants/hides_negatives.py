def split(times):
    """Misconception: a part cannot be below nothing, so a negative one is a zero."""
    parts, before = {}, 0.0
    for name, repeats in times.items():
        typical = sorted(repeats)[len(repeats) // 2]
        parts[name] = max(0.0, typical - before)
        before = typical
    return parts
