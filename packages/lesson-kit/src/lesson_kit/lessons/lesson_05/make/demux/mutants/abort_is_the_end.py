def demux(records):
    """Misconception: a request ends when somebody asks for that."""
    outputs = {}
    ended = []
    for kind, request_id, content in records:
        if kind == "BEGIN_REQUEST":
            outputs[request_id] = b""
        elif kind == "STDOUT" and request_id in outputs:
            outputs[request_id] += content
        elif kind == "ABORT_REQUEST" and request_id in outputs:
            ended.append((request_id, outputs.pop(request_id), "aborted"))
        elif kind == "END_REQUEST" and request_id in outputs:
            ended.append((request_id, outputs.pop(request_id), "complete"))
    return ended
