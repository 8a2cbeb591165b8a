def split(times):
    """Return what each program adds to the one before it, in seconds: {name: seconds}, in the same order."""
    parts, before = {}, 0.0
    for name, repeats in times.items():
        # what is typical of the repeats
        typical = ...
        # what this program has more than the one before
        parts[name] = ...
        before = typical
    return parts
