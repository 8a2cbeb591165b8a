def demux(records):
    """Return a list of (request id, output, "complete" or "aborted"), in the order in which the requests ended."""
    # a request begins, with nothing said yet
    # what is said belongs to one request
    # and so does its end
