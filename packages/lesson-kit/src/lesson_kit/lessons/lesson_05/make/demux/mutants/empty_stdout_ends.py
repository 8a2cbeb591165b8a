def demux(records):
    """Misconception: the end of the output is the end of the request."""
    outputs = {}
    aborted = set()
    ended = []
    for kind, request_id, content in records:
        if kind == "BEGIN_REQUEST":
            outputs[request_id] = b""
        elif kind == "STDOUT" and content:
            outputs[request_id] += content
        elif kind == "STDOUT":
            ended.append((request_id, outputs.pop(request_id), "aborted" if request_id in aborted else "complete"))
        elif kind == "ABORT_REQUEST":
            aborted.add(request_id)
    return ended
