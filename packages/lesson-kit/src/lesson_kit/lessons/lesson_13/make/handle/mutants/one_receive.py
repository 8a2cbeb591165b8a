async def handle(scope, receive, send, database):
    """Misconception: one message is all of the content."""
    message = await receive()
    answer = await database(message["body"])
    await send({"type": "http.response.start", "status": 200})
    await send({"type": "http.response.body", "body": answer})
