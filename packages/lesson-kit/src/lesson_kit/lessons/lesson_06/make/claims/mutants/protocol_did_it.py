def claims(rounds, vocabulary):
    """Misconception: what FastCGI saves over CGI is a matter of its protocol."""
    found = {claim for claim, holds in vocabulary.items() if all(map(holds, rounds))}
    return found | {"the wire matters more than staying", "decoding is most of a FastCGI request"}
