def cgi_answer(env, stdin):
    """Misconception: the content follows the last field."""
    content = stdin.read(int(env.get("CONTENT_LENGTH") or 0))
    if env.get("PATH_INFO", "") != "/echo":
        return b"Status: 404 Not Found\r\nContent-Type: text/plain\r\nNothing is here.\n"
    return b"Content-Type: application/octet-stream\r\n" + content
