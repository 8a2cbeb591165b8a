def environment(own, fields):
    """Misconception: the variable is bad, whoever has set it."""
    env = {**own, **{"HTTP_" + name.upper().replace("-", "_"): value for name, value in fields}}
    env.pop("HTTP_PROXY", None)
    return env
