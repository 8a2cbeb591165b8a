"""What is asked, answered and measured: a question in four protocols, five columns, the parts of a bill."""

import asyncio
import sys

import pytest

from classroom_demo import asking, bill
from classroom_demo.asking import Reply, Unanswered, ask
from classroom_demo.columns import READ_BY_NGINX, columns
from fastcgi_server import records

CGI = b"Status: 200 OK\r\nContent-Type: text/plain\r\n\r\n4711 3\n"
RECORDS = (
    records.encode_stream(records.STDOUT, 1, CGI)
    + records.encode_record(records.STDOUT, 1)
    + records.encode_end(1, 0, 0)
)
HTTP = b"HTTP/1.1 200 OK\r\nContent-Length: 7\r\nConnection: close\r\n\r\n4711 3\n"
ANSWERS = {"http": HTTP, "uwsgi": HTTP, "scgi": CGI, "fastcgi": RECORDS}


def asked(scheme, answer):
    """Ask a server that answers with these bytes, whatever it hears, and hangs up."""

    async def go():
        heard = []

        async def serve(reader, writer):
            heard.append(await reader.read(4096))
            writer.write(answer)
            writer.close()

        server = await asyncio.start_server(serve, "127.0.0.1", 0)
        async with server:
            reply = await ask(f"{scheme}://127.0.0.1:{server.sockets[0].getsockname()[1]}", "/counter?who=1")
        return heard[0], reply

    return asyncio.run(go())


@pytest.mark.parametrize("scheme", asking.CODECS)
def test_a_question_in_each_protocol(scheme):
    heard, reply = asked(scheme, ANSWERS[scheme])
    assert b"/counter" in heard
    assert b"who=1" in heard
    assert reply == Reply(200, b"4711 3\n")


@pytest.mark.parametrize("scheme", asking.CODECS)
@pytest.mark.parametrize("answer", [b"", b"\x00nonsense\r\n\r\n"])
def test_no_answer_is_a_sentence(scheme, answer):
    with pytest.raises(Unanswered, match=r"^The gateway"):
        asked(scheme, answer)


def test_nobody_there():
    async def go():
        server = await asyncio.start_server(lambda *_: None, "127.0.0.1", 0)
        port = server.sockets[0].getsockname()[1]
        server.close()
        await server.wait_closed()
        await ask(f"http://127.0.0.1:{port}", "/")

    with pytest.raises(Unanswered, match="gave no answer"):
        asyncio.run(go())


def test_one_request_in_five_forms():
    found = {column["name"]: column for column in columns()}
    assert list(found) == ["CGI", "FastCGI", "uwsgi", "HTTP", "WSGI"]
    assert set(READ_BY_NGINX) < set(found)
    shown = {name: [line.get("hex") or line["text"] for line in column["lines"]] for name, column in found.items()}
    assert shown["CGI"][0] == "REQUEST_METHOD=GET"
    assert shown["FastCGI"][:2] == ["01 01 00 01", "00 08 00 00"]
    assert found["FastCGI"]["lines"][0]["note"] == "BEGIN_REQUEST, id 1"
    assert shown["uwsgi"][1:] == ["0e 00", "REQUEST_METHOD", "03 00", "GET"]
    size = bytes.fromhex(shown["uwsgi"][0])
    assert found["uwsgi"]["bytes"] == 4 + int.from_bytes(size[1:3], "little")
    assert shown["HTTP"][0] == "GET /hello HTTP/1.1"
    assert found["WSGI"]["bytes"] == 0


@pytest.mark.parametrize(
    ("times", "seconds"),
    [
        ({"process": [1.0], "interpreter": [3.0], "site": [4.0], "imports": [9.0], "request": [10.0]}, [1, 2, 1, 5, 1]),
        ({"process": [2.0, 1.0, 9.0], "interpreter": [3.0, 3.0, 3.0]}, [2, 1]),
        ({"process": [2.0], "interpreter": [1.0]}, [2, 0]),  # by chance
        ({"process": [2.0], "interpreter": [1.0], "site": [3.0]}, [2, 0, 1]),  # three in all, as measured
        ({"process": [0.0]}, [0]),
    ],
)
def test_parts_are_differences_of_medians(times, seconds):
    parts = bill.parts_of(times)
    assert [part["seconds"] for part in parts] == seconds
    assert sum(part["share"] for part in parts) == pytest.approx(1 if sum(seconds) else 0)


def measured():
    async def go():
        return [one async for one in bill.measure()]

    return asyncio.run(go())


def test_the_clock_goes_round_the_programs_in_turns(monkeypatch):
    monkeypatch.setattr(bill, "_programs", lambda: {"one": ["true"], "two": ["true"]})
    found = measured()
    rounds = len(found) // 2
    assert bill.ROUNDS[0] <= rounds <= bill.ROUNDS[1]
    assert [name for name, _ in found] == ["one", "two"] * rounds
    assert all(seconds > 0 for _, seconds in found)


def test_a_program_that_fails_is_a_sentence(monkeypatch):
    monkeypatch.setattr(bill, "_programs", lambda: {"one": [sys.executable, "-I", "-S", "-c", "raise SystemExit(3)"]})
    with pytest.raises(bill.BillError, match=r"cannot be measured: .* ended with 3"):
        measured()


def test_the_five_programs_do_what_they_are_called_by():
    assert list(bill._programs()) == list(bill.OPTION)
