def claims(rounds, vocabulary):
    """Misconception: what most rounds say is so."""
    return [claim for claim, holds in vocabulary.items() if sum(map(holds, rounds)) * 2 > len(rounds)]
