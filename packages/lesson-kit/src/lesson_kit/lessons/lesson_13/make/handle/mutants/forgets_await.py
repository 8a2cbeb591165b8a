async def handle(scope, receive, send, database):
    """Misconception: to call something that can be awaited is to have its result."""
    content = b""
    more = True
    while more:
        message = await receive()
        if message["type"] == "http.disconnect":
            return
        content += message["body"]
        more = message["more_body"]
    answer = database(content)
    await send({"type": "http.response.start", "status": 200})
    await send({"type": "http.response.body", "body": answer})
