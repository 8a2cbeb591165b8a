def faults(report):
    """Misconception: whoever looks often enough sees every process."""
    found = []
    a, b = report["rates"]["A"], report["rates"]["B"]
    everything = sorted(sum(report["latencies"].values(), []))
    # is the winner ahead in all rounds?
    if "faster" in report["says"] and min(a) <= max(b):
        found.append("tie")
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
    # were births counted by one who saw none?
    if report["births"] == 0:
        found.append("polling")
    return found
