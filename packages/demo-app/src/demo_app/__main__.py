"""Say how to serve the application; ``--serve`` does it with the standard library, for a look."""

import argparse
from wsgiref.simple_server import make_server

from demo_app import app

HOW = "Name it on a server's command line, for example:  python -m wsgi_server demo_app:app"


def main() -> None:
    """Print the hint, or serve on a free port of the loopback address until interrupted."""
    parser = argparse.ArgumentParser(prog="python -m demo_app", description=HOW)
    parser.add_argument("--serve", action="store_true", help="serve it here, one request at a time, with wsgiref")
    parser.add_argument("--port", type=int, default=0, help="port for --serve (default: a free one)")
    options = parser.parse_args()
    if not options.serve:
        print(HOW)
        return
    with make_server("127.0.0.1", options.port, app) as server:
        print(f"ready http://127.0.0.1:{server.server_port}", flush=True)
        try:
            server.serve_forever()
        except KeyboardInterrupt:
            pass


if __name__ == "__main__":
    main()
