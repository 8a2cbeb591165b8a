def claims(rounds, vocabulary):
    """Misconception: FastCGI is fast because it is binary."""
    found = {claim for claim, holds in vocabulary.items() if all(map(holds, rounds))}
    return found - {"a call is cheaper than FastCGI"} | {"FastCGI is cheaper than a call"}
