def cgi_answer(env, stdin):
    """Misconception: every request says how long its content is."""
    content = stdin.read(int(env["CONTENT_LENGTH"]))
    if env.get("PATH_INFO", "") != "/echo":
        return b"Status: 404 Not Found\r\nContent-Type: text/plain\r\n\r\nNothing is here.\n"
    return b"Content-Type: application/octet-stream\r\n\r\n" + content
