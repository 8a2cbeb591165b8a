def environment(own, fields):
    """Misconception: whatever speaks of a proxy is dangerous."""
    env = dict(own)
    for name, value in fields:
        if "proxy" not in name.lower():
            env["HTTP_" + name.upper().replace("-", "_")] = value
    return env
