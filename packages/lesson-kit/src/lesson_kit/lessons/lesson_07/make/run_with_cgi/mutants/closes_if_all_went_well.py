import sys


def run_with_cgi(app, variables, stdin, stdout):
    """Misconception: there is nothing to release after an error."""
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
        if exc_info and sent:
            raise exc_info[1]
        head[:] = [f"Status: {status}"] + [f"{name}: {value}" for name, value in fields]
        return write

    def write(data):
        if not sent:
            stdout.write(("\r\n".join(head) + "\r\n\r\n").encode("latin-1"))
            sent.append(True)
        stdout.write(data)

    result = app(environ, start_response)
    for piece in result:
        if piece:
            write(piece)
    if not sent:
        write(b"")
    if hasattr(result, "close"):
        result.close()
