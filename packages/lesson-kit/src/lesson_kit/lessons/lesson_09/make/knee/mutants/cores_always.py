def knee(cores, work, wait):
    """Misconception: a worker for each core."""
    return cores
