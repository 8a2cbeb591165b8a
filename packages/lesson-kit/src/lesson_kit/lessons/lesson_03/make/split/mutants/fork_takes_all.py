def split(times):
    """Misconception: the start of a process is all that costs, and what comes after it is free."""
    typical = [sorted(repeats)[len(repeats) // 2] for repeats in times.values()]
    return {name: typical[-1] if place == 0 else 0.0 for place, name in enumerate(times)}
