def claims(rounds, vocabulary):
    """Misconception: a cache makes any application faster."""
    found = {claim for claim, holds in vocabulary.items() if all(map(holds, rounds))}
    return found | {"a new process is cheaper with a cache"}
