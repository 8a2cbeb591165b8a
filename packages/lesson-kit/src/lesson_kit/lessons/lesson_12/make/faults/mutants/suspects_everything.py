def faults(report):
    """Misconception: no chart can be believed."""
    return ["tie", "axis", "generator", "average", "loop", "polling"]
