def demux(records):
    """Misconception: one connection, one output."""
    output = b""
    aborted = set()
    ended = []
    for kind, request_id, content in records:
        if kind == "STDOUT":
            output += content
        elif kind == "ABORT_REQUEST":
            aborted.add(request_id)
        elif kind == "END_REQUEST":
            ended.append((request_id, output, "aborted" if request_id in aborted else "complete"))
            output = b""
            aborted.discard(request_id)
    return ended
