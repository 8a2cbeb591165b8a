def split(times):
    """Misconception: what a part costs is the difference to an empty process."""
    typical = {name: sorted(repeats)[len(repeats) // 2] for name, repeats in times.items()}
    first = typical["process"]
    return {name: seconds - (first if name != "process" else 0.0) for name, seconds in typical.items()}
