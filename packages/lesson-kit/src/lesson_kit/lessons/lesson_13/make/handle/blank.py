async def handle(scope, receive, send, database):
    """Answer with what the database says about the whole content; do nothing for a visitor who has left."""
    # receive until the content is complete: await receive()
    # wait for the database: await database(content)
    # start, then body: await send({"type": ...})
