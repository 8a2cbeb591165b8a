def environment(own, fields):
    """Misconception: what a visitor sends has no place in an environment."""
    return dict(own)
