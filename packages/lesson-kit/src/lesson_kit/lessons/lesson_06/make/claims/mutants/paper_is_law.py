def claims(rounds, vocabulary):
    """Misconception: what was measured in 1996 holds for good."""
    found = {claim for claim, holds in vocabulary.items() if all(map(holds, rounds))}
    return found | {"a cache saves more than the wire takes", "the order of 1996 holds"}
