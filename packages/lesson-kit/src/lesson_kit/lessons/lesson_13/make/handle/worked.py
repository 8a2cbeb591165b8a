async def handle(scope, receive, send, database):
    """Answer with what the database says about the whole content; do nothing for a visitor who has left."""
    # receive until the content is complete
    content = b""
    more = True
    while more:
        message = await receive()
        if message["type"] == "http.disconnect":
            return
        content += message["body"]
        more = message["more_body"]
    # wait for the database
    answer = await database(content)
    # start, then body
    await send({"type": "http.response.start", "status": 200})
    await send({"type": "http.response.body", "body": answer})
