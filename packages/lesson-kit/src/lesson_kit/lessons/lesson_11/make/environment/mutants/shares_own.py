def environment(own, fields):
    """Misconception: the environment of the runner is the one of its programs."""
    env = own
    for name, value in fields:
        if name.lower() != "proxy":
            env["HTTP_" + name.upper().replace("-", "_")] = value
    return env
