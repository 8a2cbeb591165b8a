def faults(report):
    """Return the names of the faults of a report."""
    # is the winner ahead in all rounds? are the bars whole?
    # who could do no more: the server, or the one who asked it?
    # is p99 the 99th percentile of everything? did the server decide when it was asked?
    # were births counted by one who cannot see all of them?
