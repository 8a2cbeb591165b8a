def environment(own, fields):
    """Return the environment of a program: the runner's own, and a variable for each field of the request."""
    # what the operator has set stays as it is
    env = dict(own)
    # what the visitor has sent gets names, and one name it must not get
    for name, value in fields:
        variable = "HTTP_" + name.upper().replace("-", "_")
        if ...:
            env[variable] = value
    return env
