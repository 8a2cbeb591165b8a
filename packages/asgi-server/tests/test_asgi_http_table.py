"""HTTP as the WSGI server's tests ask for it, asked of this server: the same tables and the same tests.

Left out are those of what differs on purpose: content is not collected here before the application is called.
"""

from __future__ import annotations

import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).parent))

from asgi_peer import bridged

import test_http_connections as connections  # isort: skip
import test_http_messages as messages  # isort: skip
import test_http_refusals as refusals  # isort: skip
from gateway_runtime.testing import Server


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    folder = bridged(tmp_path_factory.mktemp("table"))
    options = ("--bind", "127.0.0.1:0", "--max-body", "1000")
    with Server("asgi_server", "bridge:app", *options, cwd=folder) as one:
        yield one


test_refusals = refusals.test_one_refusal_and_one_line
test_refusal_of_head = refusals.test_a_refusal_of_head_has_no_content
test_smuggling = refusals.test_nothing_is_smuggled
test_log_lines = refusals.test_what_a_peer_says_cannot_forge_a_line_or_drive_a_terminal
test_persistence = connections.test_connections_stay_or_close_as_asked
test_pipelining = connections.test_pipelined_requests_of_every_kind_are_answered_in_order
test_half_close = connections.test_a_client_that_has_no_more_to_say_still_gets_its_answers
test_last_request = connections.test_what_follows_the_last_request_does_not_spoil_the_answer
test_end_by_closing = connections.test_a_response_that_ends_by_closing_says_so
test_scope = messages.test_what_the_application_is_told
test_obs_text = messages.test_bytes_beyond_ascii_are_passed_as_they_are
test_percent_signs = messages.test_percent_signs_are_decoded_once
test_asterisk = messages.test_the_server_itself_may_be_asked_about
test_content = messages.test_content_ends_where_its_framing_says
test_trailers = messages.test_trailers_are_read_and_dropped
test_date = messages.test_every_answer_has_a_date
test_no_content = messages.test_no_content_where_none_may_be
test_head = messages.test_head_is_get_without_content
test_chunks = messages.test_content_of_unknown_length_is_chunked
test_breaking = messages.test_an_application_that_breaks_sends_no_last_chunk
test_splitting = messages.test_a_response_cannot_be_split
test_http_1_0 = messages.test_http_1_0
TestContinue = messages.TestContinue
