"""The program that is attacked: it asks a service for a price, as an application asks another one within a company.

It also says where it finds a field of the request. The address of the service stands in the query, since this is a
lesson; a real program has it in its settings.
"""

from __future__ import annotations

import json
import os
import urllib.request
from collections.abc import Callable, Iterable
from typing import Any

TIMEOUT = 10.0


def app(environ: dict[str, Any], start_response: Callable[..., Any]) -> Iterable[bytes]:
    """Say where the field `Museum` is, and what each of two clients heard from the service."""
    forget_the_learners_proxies()
    service = environ["QUERY_STRING"]
    report = {
        "dictionary": "HTTP_MUSEUM" in environ,
        "environment": "HTTP_MUSEUM" in os.environ,
        "proxy": os.environ.get("HTTP_PROXY", ""),
        "variables": {name: value for name, value in os.environ.items() if name.startswith("HTTP_")},
        "client of 2015": fetch(service, proxies_of_2015()),
        "urllib today": fetch(service, urllib.request.getproxies_environment()),
    }
    content = json.dumps(report).encode()
    start_response("200 OK", [("Content-Type", "application/json"), ("Content-Length", str(len(content)))])
    return [content]


def proxies_of_2015() -> dict[str, str]:
    """Return the proxies that the environment names, as many clients did: whoever has put them there."""
    return {name[:-6].lower(): value for name, value in os.environ.items() if name.lower().endswith("_proxy") and value}


def fetch(url: str, proxies: dict[str, str]) -> str:
    """Return what is heard at an address, asked through these proxies."""
    opener = urllib.request.build_opener(urllib.request.ProxyHandler(proxies))
    with opener.open(url, timeout=TIMEOUT) as answer:
        return str(answer.read().decode())


def forget_the_learners_proxies() -> None:
    """Take the proxies of this machine's owner out of a process that stays: the lesson asks nobody but itself.

    Under CGI there are none of his: a runner has made the environment for this request.
    """
    if "REQUEST_METHOD" not in os.environ:
        for name in [name for name in os.environ if name.lower().endswith("_proxy")]:
            del os.environ[name]
