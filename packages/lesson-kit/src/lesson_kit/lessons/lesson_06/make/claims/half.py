def claims(rounds, vocabulary):
    """Return the claims that your rounds bear out."""
    found = []
    for claim, holds in vocabulary.items():
        # ask every round
        votes = [holds(cost) for cost in rounds]
        # claim it if none of them is against it
        if ...:
            found.append(claim)
    return found
