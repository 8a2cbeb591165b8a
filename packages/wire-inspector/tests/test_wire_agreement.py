"""The inspector and the codecs read the same: names, values, content and faults, on the codecs' own tables and more."""

from __future__ import annotations

from itertools import pairwise

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import test_cgi_response
import test_fastcgi_records
import test_http1_client
import test_http1_requests
import test_scgi_protocol
import test_uwsgi_protocol
from fastcgi_server import records
from gateway_core import cgi, http1
from gateway_core.errors import RemoteProtocolError
from gateway_core.events import NEED_DATA, PAUSED, ConnectionClosed, Data, Request, Response
from scgi_server import protocol as scgi
from uwsgi_gateway import protocol as uwsgi
from wire_inspector import Conversation
from wire_inspector.http_messages import LIMITS
from wire_inspector.message import is_group, is_named
from wire_inspector.stream import MAX_HEAD

TEXT = st.text(st.characters(min_codepoint=1, max_codepoint=255), max_size=300)
NAMES = TEXT.filter(lambda name: name and name not in ("CONTENT_LENGTH", "SCGI"))
PAIRS = st.lists(st.tuples(NAMES, TEXT), max_size=5, unique_by=lambda pair: pair[0])
CUTS = st.lists(st.integers(0, 3000), max_size=8)


def receive(protocol, front=b"", backend=b"", *, eof=True):
    conversation = Conversation(protocol)
    found = conversation.receive("front", front) if front else []
    found += conversation.receive("backend", backend) if backend else []
    if eof:
        found += conversation.receive("front", b"") + conversation.receive("backend", b"")
    return found


def parts(message, field, name):
    """Return the bytes of the parts of a field that are called `name`, joined."""
    return b"".join(message.data[part.start : part.end] for part in field.children if part.name == name)


def pairs(messages):
    """Return all pairs, put together again where records have cut them."""
    found, name, value = [], b"", b""
    for message in messages:
        content = [child for field in message.fields if is_group(field) and field.start for child in field.children]
        for field in content or message.fields:
            if not field.children or not is_named(field):
                continue
            name += parts(message, field, "name")
            value += parts(message, field, "value")
            if not field.meaning.endswith("goes on in the next record"):
                found.append((name.decode("latin-1"), value.decode("latin-1")))
                name = value = b""
    return found


def content(messages):
    """Return all content without a frame."""
    return b"".join(
        message.data[field.start : field.end]
        for message in messages for field in message.fields if field.name == "content" and not field.children
    )  # fmt: skip


def fault(messages):
    """Return the first fault."""
    return next((message.fault for message in messages if message.fault), "")


# -- FastCGI -------------------------------------------------------------------------------------------------------


def params(data, places):
    """Return a stream of PARAMS, cut at these places, and its end."""
    edges = [0, *sorted(place % (len(data) + 1) for place in places), len(data)]
    pieces = [data[a:b] for a, b in pairwise(edges) if a < b]
    return b"".join(records.encode_stream(records.PARAMS, 1, piece) for piece in [*pieces]) + records.encode_record(
        records.PARAMS, 1
    )


@pytest.mark.parametrize(("expected", "data"), test_fastcgi_records.PAIRS)
@pytest.mark.parametrize("step", [1, 2, 3, 5, 100_000])
def test_pairs_are_those_of_the_codec(expected, data, step):
    places = range(step, min(len(data), 600), step)
    messages = receive("FastCGI", params(data, places))
    assert pairs(messages) == expected == records.decode_pairs(data)
    assert not fault(messages)


@settings(deadline=None)
@given(st.lists(st.tuples(TEXT, TEXT), max_size=5), CUTS)
def test_any_pairs_in_any_records(expected, places):
    messages = receive("FastCGI", params(records.encode_pairs(expected), places))
    assert pairs(messages) == expected
    assert not fault(messages)


@settings(deadline=None)
@given(st.binary(max_size=60), CUTS)
def test_any_bytes_as_params_have_the_fault_that_the_codec_finds(data, places):
    sentence = ""
    try:
        records.decode_pairs(data)
    except RemoteProtocolError as error:
        sentence = str(error)
    assert fault(receive("FastCGI", params(data, places))) == sentence


# -- responses of CGI ----------------------------------------------------------------------------------------------


def stdout(data, step):
    """Return a response as records of STDOUT."""
    pieces = [data[at : at + step] for at in range(0, len(data), step)]
    return b"".join(records.encode_record(records.STDOUT, 1, piece) for piece in [*pieces, b""])


def head_fault(data, **options):
    """Return what the codec finds wrong with a head."""
    parser = cgi.ResponseParser(**options)
    try:
        for piece in (data, b""):
            parser.receive_data(piece)
            if isinstance(parser.next_event(), Response):
                return ""
    except RemoteProtocolError as error:
        return str(error)
    raise AssertionError("neither a head nor a fault")


@pytest.mark.parametrize(("data", "options", "response", "body"), test_cgi_response.GOOD)
def test_good_heads_of_responses(data, options, response, body):
    messages = receive("uwsgi" if options.get("status_line") else "SCGI", backend=data)
    assert not fault(messages)
    fields = pairs(messages[:1])
    said = [field for field in fields if field[0].lower() in {name.lower() for name, _ in response.fields} and field[1]]
    assert said == [field for field in response.fields if field[1]]
    statuses = [value for name, value in fields if name.lower() == "status"]
    assert any(str(response.status) in value for value in [*statuses, messages[0].fields[0].value]) or (
        response.status in (200, 302) and not any(statuses)
    )
    assert content(messages).startswith(body)


@pytest.mark.parametrize("step", [1, 7, 60_000])
@pytest.mark.parametrize("data", [row[0] for row in [*test_cgi_response.GOOD, *test_cgi_response.BAD]])
def test_faults_of_heads_in_stdout(data, step):
    if len(data) // step < 1000:
        assert fault(receive("FastCGI", backend=stdout(data, step))) == head_fault(data)


@pytest.mark.parametrize("row", test_cgi_response.BAD)
def test_faults_of_heads(row):
    if row[0].startswith(b"HTTP"):
        assert fault(receive("SCGI", backend=row[0])).endswith("the backend speaks HTTP, not SCGI")
    elif row[0]:  # a backend that closes without a word may have had nothing to answer
        assert fault(receive("SCGI", backend=row[0])) == head_fault(row[0])


# -- SCGI and uwsgi ------------------------------------------------------------------------------------------------


def codec_says(codec, data):
    """Return variables, content and fault, as a server's codec has them."""
    variables, body = [], b""
    try:
        for piece in (data, b""):
            codec.receive_data(piece)
            while isinstance(event := codec.next_event(), Request | Data):
                if isinstance(event, Request):
                    variables, body = event.variables, event.body
                else:
                    body += event.data
    except RemoteProtocolError as error:
        return variables, body, str(error)
    return variables, body, ""


@settings(deadline=None)
@given(PAIRS, st.binary(max_size=50), st.integers(0, 3))
def test_scgi_is_what_the_codec_reads(variables, body, missing):
    head = [("CONTENT_LENGTH", str(len(body) + missing)), ("SCGI", "1"), *variables]
    data = scgi.encode_netstring(scgi.encode_headers(head)) + body
    messages = receive("SCGI", data)
    assert (pairs(messages), content(messages), fault(messages)) == codec_says(scgi.ServerConnection(), data)


@settings(deadline=None)
@given(st.lists(st.tuples(NAMES, TEXT), max_size=5), st.binary(max_size=50), st.integers(0, 3))
def test_uwsgi_is_what_the_codec_reads(variables, body, missing):
    block = uwsgi.encode_vars([*variables, ("CONTENT_LENGTH", str(len(body) + missing))])
    data = uwsgi.encode_packet_header(0, len(block)) + block + body
    messages = receive("uwsgi", data)
    assert (pairs(messages), content(messages), fault(messages)) == codec_says(uwsgi.ServerConnection(), data)


@pytest.mark.parametrize(("data", "sentence", "status"), test_scgi_protocol.BAD)
def test_faults_of_scgi(data, sentence, status):
    said = codec_says(scgi.ServerConnection(max_head=MAX_HEAD), data)[2]
    assert fault(receive("SCGI", data)) == said != ""


@pytest.mark.parametrize(("data", "sentence", "status"), test_uwsgi_protocol.BAD)
def test_faults_of_uwsgi(data, sentence, status):
    if data[0] == uwsgi.WSGI:  # other modifiers are not served, but they can be shown
        assert fault(receive("uwsgi", data)) == codec_says(uwsgi.ServerConnection(), data)[2] != ""


# -- HTTP ----------------------------------------------------------------------------------------------------------


def requests(messages):
    """Return the requests as (method, target, version, fields, content)."""
    found = []
    for message in messages:
        if message.title.startswith("request head") and not message.fault:
            line = message.fields[0]
            words = [parts(message, line, name).decode() for name in ("method", "target", "version")]
            found.append([*words, [(name.lower(), value) for name, value in pairs([message])], b""])
        elif found:
            found[-1][-1] += content([message])
    return found


def server_says(data):
    """Return requests as above, and the fault, as the server's codec has them."""
    codec = http1.ServerConnection(server="", limits=LIMITS)
    codec.receive_data(data)
    found = []
    try:
        while (event := codec.next_event()) is not NEED_DATA:
            if isinstance(event, http1.HttpRequest):
                found.append([event.method, event.target, event.version, event.fields, event.body])
            elif isinstance(event, Data):
                found[-1][-1] += event.data
            elif isinstance(event, ConnectionClosed):
                break
            if event is PAUSED:
                codec.head("204 No Content", [], None)
                codec.end()
    except RemoteProtocolError as error:
        return found, str(error)
    return found, ""


HTTP_REQUESTS = [
    row[1]
    for table in (test_http1_requests.GOOD, test_http1_requests.BAD, test_http1_requests.STRANGERS)
    for row in table if isinstance(row[1], bytes)
]  # fmt: skip


@pytest.mark.parametrize("data", HTTP_REQUESTS, ids=range(len(HTTP_REQUESTS)))
def test_requests_are_those_of_the_codec(data):
    expected, sentence = server_says(data)
    messages = receive("HTTP", data, eof=False)
    found = requests(messages)
    assert [(one[0], *one[3:]) for one in found] == [(one[0], *one[3:]) for one in expected]
    assert all(mine[1] == its[1] for mine, its in zip(found, expected, strict=True) if mine[1].startswith("/"))
    assert fault(messages) == sentence


def client_says(data, head):
    """Return fields, content and fault, as the client's codec has them."""
    codec = http1.ClientConnection(head=head, limits=LIMITS)
    fields, body = [], b""
    try:
        for piece in (data, b""):
            codec.receive_data(piece)
            while isinstance(event := codec.next_event(), Response | Data):
                if isinstance(event, Response):
                    fields = event.fields
                else:
                    body += event.data
    except RemoteProtocolError as error:
        return fields, body, str(error)
    return fields, body, ""


@pytest.mark.parametrize("row", test_http1_client.GOOD, ids=range(len(test_http1_client.GOOD)))
def test_responses_are_those_of_the_codec(row):
    data, options = row[:2]
    method = b"HEAD" if options.get("head") else b"GET"
    conversation = Conversation("HTTP")
    conversation.receive("front", method + b" / HTTP/1.1\r\nHost: a\r\n\r\n")
    messages = [message for piece in (data, b"") for message in conversation.receive("backend", piece)]
    fields, body, sentence = client_says(data, method == b"HEAD")
    heads = [message for message in messages if message.title.startswith("response head")]
    found = pairs(heads[-1:])
    assert [field for field in found if field in fields] == fields
    assert (content(messages), fault(messages)) == (body, sentence)


@pytest.mark.parametrize("data", test_http1_client.BAD, ids=range(len(test_http1_client.BAD)))
def test_faults_of_responses(data):
    sentence = client_says(data, head=False)[2]
    found = fault(receive("HTTP", b"GET / HTTP/1.1\r\nHost: a\r\n\r\n", data))
    if sentence.endswith("only interim responses"):
        assert not found  # they can be shown, however many they are
    elif "ended in the middle of" in sentence:
        assert found  # what is wrong with the lines that did come, we say at once
    else:
        assert found == sentence
