def knee(cores, work, wait):
    """Misconception: workers are held only while they wait."""
    return cores * wait / work
