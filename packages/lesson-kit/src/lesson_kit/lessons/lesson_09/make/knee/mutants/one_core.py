def knee(cores, work, wait):
    """Misconception: a machine does one thing at a time."""
    return (work + wait) / work
