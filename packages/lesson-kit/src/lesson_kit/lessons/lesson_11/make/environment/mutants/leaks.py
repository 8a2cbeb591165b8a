def environment(own, fields):
    """Misconception: a variable is named after its field, so no harm can come of it."""
    return {**own, **{"HTTP_" + name.upper().replace("-", "_"): value for name, value in fields}}
