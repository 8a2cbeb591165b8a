def cgi_answer(env, stdin):
    """Return the bytes that a CGI program writes: at /echo the content as it came, elsewhere a 404."""
    # the request: where are its path and its content?
    path = env.get(...)
    content = stdin.read(...)
    # the response: fields, an empty line, content
    if path != "/echo":
        return b"Status: 404 Not Found\r\nContent-Type: text/plain\r\n\r\nNothing is here.\n"
    return ... + content
