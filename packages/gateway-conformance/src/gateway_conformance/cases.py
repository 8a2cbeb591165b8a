"""The table: every case there is."""

from __future__ import annotations

from .case import Case
from .cases_asgi import ASGI_CASES, for_asgi
from .cases_files import FILE_CASES
from .cases_request import REQUEST_CASES
from .cases_response import RESPONSE_CASES
from .cases_trouble import TROUBLE_CASES
from .cases_validated import VALIDATED_CASES

__all__ = ["CASES"]

_WSGI = (*REQUEST_CASES, *RESPONSE_CASES, *FILE_CASES, *TROUBLE_CASES, *VALIDATED_CASES)

CASES: tuple[Case, ...] = (*map(for_asgi, _WSGI), *ASGI_CASES)
"""Every case, in an order to read."""
