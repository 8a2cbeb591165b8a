def demux(records):
    """Misconception: to abort a request is to close its connection."""
    outputs = {}
    ended = []
    for kind, request_id, content in records:
        if kind == "BEGIN_REQUEST":
            outputs[request_id] = b""
        elif kind == "STDOUT" and request_id in outputs:
            outputs[request_id] += content
        elif kind == "ABORT_REQUEST":
            ended.extend((one, output, "aborted") for one, output in outputs.items())
            outputs.clear()
        elif kind == "END_REQUEST" and request_id in outputs:
            ended.append((request_id, outputs.pop(request_id), "complete"))
    return ended
