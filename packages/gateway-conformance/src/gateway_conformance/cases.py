"""The table: every case there is."""

from __future__ import annotations

from .case import Case
from .cases_request import REQUEST_CASES
from .cases_response import RESPONSE_CASES
from .cases_trouble import TROUBLE_CASES

__all__ = ["CASES"]

CASES: tuple[Case, ...] = (*REQUEST_CASES, *RESPONSE_CASES, *TROUBLE_CASES)
"""Every case, in an order to read."""
