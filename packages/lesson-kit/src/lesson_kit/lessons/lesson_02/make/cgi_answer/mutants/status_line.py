def cgi_answer(env, stdin):
    """Misconception: a program answers in HTTP."""
    content = stdin.read(int(env.get("CONTENT_LENGTH") or 0))
    if env.get("PATH_INFO", "") != "/echo":
        return b"HTTP/1.1 404 Not Found\r\nContent-Type: text/plain\r\n\r\nNothing is here.\n"
    return b"HTTP/1.1 200 OK\r\nContent-Type: application/octet-stream\r\n\r\n" + content
