def faults(report):
    """Misconception: how long an answer took is how long a visitor waits, whatever the loop."""
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
    # were births counted by one who cannot see all of them?
    if report["counted_by"] == "polling":
        found.append("polling")
    return found
