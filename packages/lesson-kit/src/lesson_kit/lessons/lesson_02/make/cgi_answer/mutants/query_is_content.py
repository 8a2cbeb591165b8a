def cgi_answer(env, stdin):
    """Misconception: what a form sends is always in the query."""
    content = env.get("QUERY_STRING", "").encode()
    if env.get("PATH_INFO", "") != "/echo":
        return b"Status: 404 Not Found\r\nContent-Type: text/plain\r\n\r\nNothing is here.\n"
    return b"Content-Type: application/octet-stream\r\n\r\n" + content
