async def handle(scope, receive, send, database):
    """Misconception: the status is 200 by itself, and the body is the answer."""
    content = b""
    more = True
    while more:
        message = await receive()
        if message["type"] == "http.disconnect":
            return
        content += message["body"]
        more = message["more_body"]
    await send({"type": "http.response.body", "body": await database(content)})
