def faults(report):
    """Misconception: the longer bar is the faster server."""
    found = []
    a, b = report["rates"]["A"], report["rates"]["B"]
    everything = sorted(sum(report["latencies"].values(), []))
    # are the bars whole?
    if report["axis"] > 0:
        found.append("axis")
    # who could do no more: the server, or the one who asked it?
    if max(report["generator"]) >= 0.9 and not report["bound"]:
        found.append("generator")
    # is p99 the 99th percentile of everything?
    if abs(report["p99"] - everything[len(everything) * 99 // 100 - 1]) > 0.1 * report["p99"]:
        found.append("average")
    # did the server decide when it was asked?
    if report["loop"] == "closed":
        found.append("loop")
    # were births counted by one who cannot see all of them?
    if report["counted_by"] == "polling":
        found.append("polling")
    return found
