def environment(own, fields):
    """Return the environment of a program: the runner's own, and a variable for each field of the request."""
    # what the operator has set stays as it is
    # what the visitor has sent gets names, and one name it must not get
