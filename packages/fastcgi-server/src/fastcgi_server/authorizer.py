"""May this request pass? A FastCGI Authorizer is asked (section 6.3) before an application is called: WSGI middleware.

::

    visitor --> Authorizer --PARAMS--> FastCGI application
                    |      <--200, Variable-USER: ada
                    |---> the application, with USER = "ada" in its environ
                    |
                    '     <--anything else: that is the answer, and the application is not called

Of a 200 only the Variable- fields mean something; its content is nobody's. An Authorizer that cannot be asked lets
nobody pass.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from typing import Any

from gateway_core.cgi import phrase
from gateway_core.client import Client, answer
from gateway_core.environ import Environ
from gateway_core.errors import BackendError
from gateway_core.interfaces import Application

__all__ = ["Authorizer"]

_VARIABLE = re.compile(r"variable-([a-z][a-z0-9_]*)", re.IGNORECASE)

_OF_THE_REQUEST = ("HTTP_", "CONTENT_", "REQUEST_", "SERVER_", "PATH_", "SCRIPT_", "GATEWAY_", "QUERY_")
"""Beginnings of names that an Authorizer cannot set: it decides over a request, and does not make another one of it."""

_ALLOWED = 200


class Authorizer:
    """`client` is one whose codec has the role of an authorizer; `application` is what it guards."""

    def __init__(self, client: Client, application: Application) -> None:
        self._client = client
        self._application = application

    def __call__(self, environ: Environ, start_response: Any) -> Iterable[bytes]:
        """Ask, and call the application or pass the refusal on."""
        asked = {name: value for name, value in environ.items() if name not in ("CONTENT_LENGTH", "wsgi.input")}
        try:
            head, content = self._client.request(asked)
        except BackendError as error:
            return answer(error, start_response)
        if head.status != _ALLOWED:
            start_response(f"{head.status} {head.reason or phrase(head.status)}", head.fields)
            return content
        next(content, None)  # most send none, and a connection that has been read to its end can be kept
        content.close()
        for name, value in head.fields:
            match = _VARIABLE.fullmatch(name)
            if match is not None and not match[1].upper().startswith(_OF_THE_REQUEST):
                environ[match[1].upper()] = value
        return self._application(environ, start_response)
