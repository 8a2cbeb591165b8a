"""Run our HTTP server with one deliberate fault: `python conformance_mutants.py FAULT MODULE:APP --bind ...`."""

from __future__ import annotations

import os
import sys

from gateway_core import environ as environ_module
from gateway_core import forwarded
from gateway_core.file_wrapper import FileWrapper
from gateway_core.http1 import ServerConnection
from gateway_core.response import Response
from gateway_runtime.cli import main
from wsgi_server import server


def forget_close():
    Response._close = lambda self: None


def close_twice():
    whole = Response._close

    def _close(self):
        iterable = self._iterable
        whole(self)
        if hasattr(iterable, "close"):
            iterable.close()

    Response._close = _close


def hold_blocks_back():
    whole = Response.respond

    def respond(self, application, environ):
        def joined(environ, start_response):
            iterable = application(environ, start_response)
            try:
                return [b"".join(iterable)]
            finally:
                if hasattr(iterable, "close"):
                    iterable.close()

        whole(self, joined, environ)

    Response.respond = respond


def end_what_failed():
    def _fail(self, error):
        self._transport.write(self._encoder.end() if self.head_sent else b"")
        self._close()

    Response._fail = _fail


def show_tracebacks():
    whole = Response._fail

    def _fail(self, error):
        import gateway_core.response

        gateway_core.response._ERROR_BODY = repr(error).encode()
        whole(self, error)

    Response._fail = _fail


def send_anything():
    import gateway_core.response

    gateway_core.response.CHECKED.clear()
    gateway_core.response.check_head = lambda status, fields: (status, fields, None, False)


def pass_the_proxy_on():
    environ_module._NEVER = frozenset()


def decode_twice():
    whole = environ_module.decode_path
    environ_module.decode_path = lambda path: whole(whole(path))


def share_the_environ():
    class Base(dict):
        def copy(self):
            return self

    whole = server.base_environ
    server.base_environ = lambda **options: Base(whole(**options))


def content_for_head():
    whole = Response.__init__

    def init(self, encoder, transport, method):
        whole(self, encoder, transport, "GET")

    Response.__init__ = init


def empty_chunks():
    whole = ServerConnection.data
    ServerConnection.data = lambda self, data: b"0\r\n\r\n" + whole(self, data)


def trust_every_descriptor():
    def part(self):
        try:
            fd, position = self._file.fileno(), self._file.tell()
        except OSError:
            return None
        return fd, position, os.fstat(fd).st_size - position

    FileWrapper.part = part


def send_files_from_the_start():
    whole = FileWrapper.part

    def part(self):
        found = whole(self)
        return found and (found[0], 0, found[2])

    FileWrapper.part = part


def leave_files_open():
    whole = FileWrapper.__init__

    def init(self, *arguments):
        whole(self, *arguments)
        self.__dict__.pop("close", None)

    FileWrapper.__init__ = init


def believe_everybody():
    whole = server.environ_from_fields

    def environ_from_fields(*arguments):
        environ = whole(*arguments)
        forwarded.apply(environ, lambda ip: True)
        return environ

    server.environ_from_fields = environ_from_fields


def look_at_the_iterable():
    whole = Response.respond

    def respond(self, application, environ):
        def looked_at(environ, start_response):
            iterable = application(environ, start_response)
            getattr(iterable, "fileno", None)
            return iterable

        whole(self, looked_at, environ)

    Response.respond = respond


if __name__ == "__main__":
    globals()[sys.argv.pop(1)]()
    sys.exit(main(server.GATEWAY))
