def claims(rounds, vocabulary):
    """Return the claims that your rounds bear out."""
    # for each claim and its question `holds`: ask every round, as in holds(rounds[0])
    # claim it if none of them is against it
