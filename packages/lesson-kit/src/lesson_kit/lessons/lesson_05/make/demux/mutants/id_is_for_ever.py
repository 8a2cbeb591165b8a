def demux(records):
    """Misconception: an id is a name that no other request will have."""
    outputs = {}
    aborted = set()
    ended = []
    for kind, request_id, content in records:
        if kind == "STDOUT":
            outputs[request_id] = outputs.get(request_id, b"") + content
        elif kind == "ABORT_REQUEST":
            aborted.add(request_id)
        elif kind == "END_REQUEST":
            ended.append((request_id, outputs.get(request_id, b""), "aborted" if request_id in aborted else "complete"))
    return ended
