import sys


def run_with_cgi(app, variables, stdin, stdout):
    """Misconception: `start_response` may be called again at any time."""
    environ = dict(variables)
    environ["wsgi.version"] = (1, 0)
    environ["wsgi.url_scheme"] = "http"
    environ["wsgi.input"] = stdin
    environ["wsgi.errors"] = sys.stderr
    environ["wsgi.multithread"] = False
    environ["wsgi.multiprocess"] = True
    environ["wsgi.run_once"] = True
    head = []
    sent = []

    def start_response(status, fields, exc_info=None):
        head[:] = [f"Status: {status}"] + [f"{name}: {value}" for name, value in fields]
        return write

    def write(data):
        if not sent:
            stdout.write(("\r\n".join(head) + "\r\n\r\n").encode("latin-1"))
            sent.append(True)
        stdout.write(data)

    result = app(environ, start_response)
    try:
        for piece in result:
            if piece:
                write(piece)
        if not sent:
            write(b"")
    finally:
        if hasattr(result, "close"):
            result.close()
