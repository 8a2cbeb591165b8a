"""An application that we did not write: Django's own ASGI side, under the tests of Django under the gateways."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).parents[3] / "tests"))

import test_frameworks as frameworks  # isort: skip
from gateways import Gateway  # isort: skip
from gateway_runtime.testing import Server

SITES = Path(__file__).parents[3] / "tests" / "sites"

ASYNCHRONOUS = """
from django_site import *  # noqa: F403 - the settings and the pages
from django.core.handlers.asgi import ASGIHandler

app = ASGIHandler()
"""
LENIENT = ("-W", "error", "-W", "ignore:StreamingHttpResponse must consume")
"""Django does not like that page: its iterator is one for WSGI."""


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Gateway]:
    folder = tmp_path_factory.mktemp("django")
    (folder / "asynchronous.py").write_text(ASYNCHRONOUS)
    path = {"PYTHONPATH": str(SITES)}
    options = ("asynchronous:app", "--bind", "127.0.0.1:0")
    with Server("asgi_server", *options, cwd=folder, env=path, interpreter=LENIENT) as server:
        gateway = Gateway("asgi_server", server)
        try:
            yield gateway
        finally:
            gateway.close()


test_page_and_session = frameworks.test_page_and_session
test_path_query_and_header = frameworks.test_path_query_and_header
test_form_and_redirect = frameworks.test_form_and_redirect
test_upload = frameworks.test_upload
test_raw_content_comes_back = frameworks.test_raw_content_comes_back
test_streaming = frameworks.test_streaming
test_status_and_fields = frameworks.test_status_and_fields
test_head_has_no_content = frameworks.test_head_has_no_content
test_missing_and_faulty_pages = frameworks.test_missing_and_faulty_pages


def test_it_knows_no_lifespan(site: Gateway) -> None:  # ASGI-11
    site.server.wait_for_line("served without lifespan events: ValueError: Django can only handle ASGI/HTTP")
