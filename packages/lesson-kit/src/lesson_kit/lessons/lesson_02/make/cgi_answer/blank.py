def cgi_answer(env, stdin):
    """Return the bytes that a CGI program writes: at /echo the content as it came, elsewhere a 404."""
    # the request: where are its path and its content?
    # the response: fields, an empty line, content
