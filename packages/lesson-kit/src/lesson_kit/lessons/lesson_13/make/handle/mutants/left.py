async def handle(scope, receive, send, database):
    """Misconception: when no more content comes, the request is complete."""
    content = b""
    while True:
        message = await receive()
        content += message.get("body", b"")
        if not message.get("more_body", False):
            break
    answer = await database(content)
    await send({"type": "http.response.start", "status": 200})
    await send({"type": "http.response.body", "body": answer})
