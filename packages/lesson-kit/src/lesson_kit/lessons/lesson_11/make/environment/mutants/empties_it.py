def environment(own, fields):
    """Misconception: a variable that is empty is one that is not there."""
    env = {**own, **{"HTTP_" + name.upper().replace("-", "_"): value for name, value in fields}}
    env["HTTP_PROXY"] = own.get("HTTP_PROXY", "")
    return env
