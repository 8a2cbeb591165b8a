async def handle(scope, receive, send, database):
    """Misconception: the content has ended when an empty piece comes, as with a socket."""
    content = b""
    while True:
        message = await receive()
        if message["type"] == "http.disconnect":
            return
        if not message["body"]:
            break
        content += message["body"]
    answer = await database(content)
    await send({"type": "http.response.start", "status": 200})
    await send({"type": "http.response.body", "body": answer})
