def cgi_answer(env, stdin):
    """Misconception: standard input is text."""
    import io

    content = io.TextIOWrapper(io.BytesIO(stdin.read(int(env.get("CONTENT_LENGTH") or 0))), "utf-8").read().encode()
    if env.get("PATH_INFO", "") != "/echo":
        return b"Status: 404 Not Found\r\nContent-Type: text/plain\r\n\r\nNothing is here.\n"
    return b"Content-Type: application/octet-stream\r\n\r\n" + content
