def environment(own, fields):
    """Misconception: a field has one spelling."""
    return {**own, **{"HTTP_" + name.upper().replace("-", "_"): value for name, value in fields if name != "Proxy"}}
