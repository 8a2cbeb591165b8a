def demux(records):
    """Misconception: all that comes back is the answer."""
    outputs = {}
    aborted = set()
    ended = []
    for kind, request_id, content in records:
        if kind == "BEGIN_REQUEST":
            outputs[request_id] = b""
        elif kind in ("STDOUT", "STDERR"):
            outputs[request_id] += content
        elif kind == "ABORT_REQUEST":
            aborted.add(request_id)
        elif kind == "END_REQUEST":
            ended.append((request_id, outputs.pop(request_id), "aborted" if request_id in aborted else "complete"))
            aborted.discard(request_id)
    return ended
