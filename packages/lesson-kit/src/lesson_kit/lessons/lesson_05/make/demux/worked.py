def demux(records):
    """Return a list of (request id, output, "complete" or "aborted"), in the order in which the requests ended."""
    outputs = {}
    aborted = set()
    ended = []
    for kind, request_id, content in records:
        # a request begins, with nothing said yet
        if kind == "BEGIN_REQUEST":
            outputs[request_id] = b""
        # what is said belongs to one request
        elif kind == "STDOUT":
            outputs[request_id] += content
        elif kind == "ABORT_REQUEST":
            aborted.add(request_id)
        # and so does its end
        elif kind == "END_REQUEST":
            how = "aborted" if request_id in aborted else "complete"
            ended.append((request_id, outputs.pop(request_id), how))
            aborted.discard(request_id)
    return ended
