def cgi_answer(env, stdin):
    """Misconception: the content ends where the pipe does."""
    content = stdin.read()
    if env.get("PATH_INFO", "") != "/echo":
        return b"Status: 404 Not Found\r\nContent-Type: text/plain\r\n\r\nNothing is here.\n"
    return b"Content-Type: application/octet-stream\r\n\r\n" + content
