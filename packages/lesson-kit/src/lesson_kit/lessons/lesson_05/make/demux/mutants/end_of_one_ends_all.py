def demux(records):
    """Misconception: END_REQUEST ends what the connection was for."""
    outputs = {}
    aborted = set()
    ended = []
    for kind, request_id, content in records:
        if kind == "BEGIN_REQUEST":
            outputs[request_id] = b""
        elif kind == "STDOUT" and request_id in outputs:
            outputs[request_id] += content
        elif kind == "ABORT_REQUEST":
            aborted.add(request_id)
        elif kind == "END_REQUEST":
            for one, output in outputs.items():
                ended.append((one, output, "aborted" if one in aborted else "complete"))
            outputs.clear()
            aborted.clear()
    return ended
