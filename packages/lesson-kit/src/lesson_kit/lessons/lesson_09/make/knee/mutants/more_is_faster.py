def knee(cores, work, wait):
    """Misconception: every worker more makes it faster."""
    return 10_000
