def faults(report):
    """Return the names of the faults of a report."""
    found = []
    a, b = report["rates"]["A"], report["rates"]["B"]
    everything = sorted(sum(report["latencies"].values(), []))
    # is the winner ahead in all rounds?
    if "faster" in report["says"] and ...:
        found.append("tie")
    # are the bars whole?
    if report["axis"] > 0:
        found.append("axis")
    # who could do no more: the server, or the one who asked it?
    if max(report["generator"]) >= 0.9 and ...:
        found.append("generator")
    # is p99 the 99th percentile of everything?
    if ...:
        found.append("average")
    # did the server decide when it was asked?
    if report["loop"] == "closed":
        found.append("loop")
    # were births counted by one who cannot see all of them?
    if ...:
        found.append("polling")
    return found
