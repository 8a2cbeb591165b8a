def knee(cores, work, wait):
    """Misconception: half of the time somebody waits, so half as many will do."""
    return cores / work * (work + wait) / 2
