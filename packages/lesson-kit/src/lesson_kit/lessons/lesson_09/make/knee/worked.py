def knee(cores, work, wait):
    """Return how many workers are worth having; times are in seconds."""
    # the most requests a second that the cores can do
    rate = cores / work
    # for how long one request holds a worker
    held = work + wait
    # Little's law: how many are held at a time
    return rate * held
