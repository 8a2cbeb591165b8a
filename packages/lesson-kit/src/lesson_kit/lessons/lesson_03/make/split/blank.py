def split(times):
    """Return what each program adds to the one before it, in seconds: {name: seconds}, in the same order."""
    # what is typical of the repeats
    # what this program has more than the one before
