"""The guestbook: what it takes, what it shows, and who may write at once."""

import io
import os
import sqlite3
import subprocess
import sys
import threading
from contextlib import closing
from urllib.parse import urlencode

import pytest

from demo_app import guestbook, store

FORM = "application/x-www-form-urlencoded"


@pytest.fixture
def sign(ask):
    def post(name="Ada", message="Hello", **more):
        return ask(
            "/guestbook", "POST", urlencode({"name": name, "message": message}).encode(), CONTENT_TYPE=FORM, **more
        )

    return post


def test_signing_leads_back_to_the_list(ask, sign):
    assert "Nobody has signed yet" in ask("/guestbook").text
    answer = sign("Ada", "The first entry", SCRIPT_NAME="/m")
    assert answer.code == 303
    assert answer.one("Location") == "/m/guestbook"
    text = ask("/guestbook").text
    assert "1 entry<" in text
    assert "<strong>Ada</strong>" in text
    assert "The first entry" in text


def test_text_from_strangers_is_escaped_and_kept(ask, sign):
    name, message = "<script>alert('x')</script>", "a & b \" ' </textarea>\r\n\r\n<img src=x onerror=y>\tGrüße 你好 🙂"
    assert sign(name, message.replace("\t", "")).code == 303
    text = ask("/guestbook").text
    assert "<script" not in text
    assert "<img src=x" not in text
    assert "&lt;script&gt;alert(&#39;x&#39;)&lt;/script&gt;" in text
    assert "a &amp; b &#34; &#39; &lt;/textarea&gt;\n\n&lt;img src=x onerror=y&gt;Grüße 你好 🙂" in text


@pytest.mark.parametrize(
    ("name", "message", "sentence"),
    [
        ("", "x", "Please write a name."),
        ("  \u00a0\t ", "x", "Please write a name."),
        ("x", "", "Please write a message."),
        ("x", " \r\n ", "Please write a message."),
        ("n" * (guestbook.MAX_NAME + 1), "x", "The name is 61 characters long; 60 fit."),
        ("x", "m" * (guestbook.MAX_MESSAGE + 1), "The message is 1001 characters long; 1000 fit."),
        ("a\nb", "x", "The name has a control character in it."),
        ("a\0b", "x", "The name has a control character in it."),
        ("x", "a\x1b[31mb", "The message has a control character in it."),
        ("x", "a\0root\0b", "The message has a control character in it."),
        ("x", "a\0served\0b", "The message has a control character in it."),
    ],
)
def test_a_bad_entry_gets_the_form_back(ask, sign, name, message, sentence):
    answer = sign(name, message)
    assert answer.code == 422
    assert f'<p class="error" role="alert">{sentence}</p>' in answer.text
    assert b'<footer id="served">' in answer.body
    assert "\0" not in answer.text
    if name == "x":
        assert 'value="x"' in answer.text
    assert store.count() == 0


def test_what_was_typed_is_escaped_in_the_form(sign):
    text = sign('"><b>', "</textarea><script>" + "m" * guestbook.MAX_MESSAGE).text
    assert 'value="&#34;&gt;&lt;b&gt;"' in text
    assert "<script>" not in text


@pytest.mark.parametrize(
    ("name", "message"),
    [
        ("n" * guestbook.MAX_NAME, "m" * guestbook.MAX_MESSAGE),
        ("🙂" * guestbook.MAX_NAME, "🙂" * guestbook.MAX_MESSAGE),
    ],
)
def test_the_longest_entry_fits(sign, name, message):
    assert sign(f"  {name} ", f"\n{message}\n").code == 303
    assert store.newest(1, 0)[0].name == name
    assert store.newest(1, 0)[0].message == message


@pytest.mark.parametrize(
    ("kind", "body", "code"),
    [
        (FORM, b"name=a&message=" + b"x" * guestbook.MAX_FORM, 413),
        (FORM, b"name=%FF&message=x", 400),
        (FORM, b"name=\xff&message=x", 400),
        (FORM, b"&".join(b"a%d=1" % n for n in range(60)), 400),
        (FORM, b"", 422),
        (FORM, b"name=only", 422),
        (FORM + "; charset=utf-8", b"name=a&message=b", 303),
        (FORM.upper(), b"name=a&message=b", 303),
        ("text/plain", b"name=a&message=b", 415),
        (None, b"name=a&message=b", 415),
    ],
)
def test_what_is_not_such_a_form_is_refused(ask, kind, body, code):
    assert ask("/guestbook", "POST", body, CONTENT_TYPE=kind).code == code


def test_a_large_form_is_refused_unread(ask):
    stream = io.BytesIO(b"x" * 100)
    answer = ask("/guestbook", "POST", CONTENT_TYPE=FORM, CONTENT_LENGTH="99999999999", **{"wsgi.input": stream})
    assert answer.code == 413
    assert stream.tell() == 0


@pytest.mark.parametrize(("body", "code"), [(b"name=a&message=b", 303), (b"x" * (guestbook.MAX_FORM + 1), 413)])
def test_a_chunked_form(ask, body, code):
    more = {"wsgi.input": io.BytesIO(body), "wsgi.input_terminated": True}
    assert ask("/guestbook", "POST", CONTENT_TYPE=FORM, **more).code == code


def test_the_newest_come_first_in_pages(ask):
    for number in range(guestbook.PER_PAGE + 5):
        store.sign("x", f"entry-{number:03}.")
    first, second = ask("/guestbook").text, ask("/guestbook?page=2").text
    assert first.index("entry-024.") < first.index("entry-005.")
    assert "entry-004." not in first
    assert second.index("entry-004.") < second.index("entry-000.")
    assert 'rel="next" href="/guestbook?page=2"' in first
    assert 'rel="prev"' not in first
    assert 'rel="prev" href="/guestbook?page=1"' in second
    assert 'rel="next"' not in second
    assert ask("/guestbook?page=3").code == 404


WRITER = """
import sys
from demo_app import store
sys.stdin.readline()
for number in range(int(sys.argv[2])):
    store.sign(sys.argv[1], str(number))
"""


def test_many_processes_write_at_once_and_nothing_is_lost(database):
    """They also make the file at once: it does not exist when they start."""
    environment = {**os.environ, "DEMO_APP_DB": str(database)}
    writers = [
        subprocess.Popen(
            [sys.executable, "-W", "error", "-c", WRITER, f"writer {number}", "40"],
            env=environment,
            stdin=subprocess.PIPE,
            stderr=subprocess.PIPE,
        )
        for number in range(4)
    ]
    for writer in writers:
        writer.stdin.write(b"go\n")
        writer.stdin.flush()
    for writer in writers:
        _, said = writer.communicate(timeout=30)
        assert (writer.returncode, said) == (0, b"")
    assert store.count() == 160
    entries = store.newest(200, 0)
    for number in range(4):
        own = [int(entry.message) for entry in reversed(entries) if entry.name == f"writer {number}"]
        assert own == list(range(40))
    with closing(sqlite3.connect(database)) as connection:
        assert connection.execute("PRAGMA journal_mode").fetchone() == ("wal",)
        assert connection.execute("PRAGMA integrity_check").fetchone() == ("ok",)


def test_a_file_that_somebody_reads_while_it_should_become_wal_is_used_as_it_is(database, monkeypatch):
    monkeypatch.setattr(store, "BUSY_TIMEOUT", 0.05)
    with closing(sqlite3.connect(database, isolation_level=None)) as reader:
        reader.execute(store.SCHEMA)
        reader.execute("BEGIN")
        reader.execute("SELECT * FROM entries").fetchall()
        assert store.count() == 0
        reader.execute("COMMIT")
        store.sign("a", "b")
        assert reader.execute("SELECT count(*) FROM entries").fetchone() == (1,)


def test_a_connection_that_failed_is_not_used_again(database):
    assert store.count() == 0
    with closing(sqlite3.connect(database, isolation_level=None)) as other:
        other.execute("DROP TABLE entries")
    with pytest.raises(store.NoStoreError, match="no such table"):
        store.sign("a", "b")
    assert not store._idle[database]
    store.sign("a", "b")
    assert store.count() == 1


def test_many_threads_share_few_connections(database):
    failures = []

    def write(name):
        try:
            for number in range(20):
                store.sign(name, str(number))
        except store.NoStoreError as error:
            failures.append(error)

    for _ in range(3):
        threads = [threading.Thread(target=write, args=(f"thread {n}",)) for n in range(5)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
    assert failures == []
    assert store.count() == 300
    assert 1 <= len(store._idle[database]) <= 5


@pytest.mark.skipif(not hasattr(os, "fork"), reason="this system does not fork")
def test_a_forked_child_uses_a_connection_of_its_own(database):
    store.sign("parent", "before")
    (mine,) = store._idle[database]
    pid = os.fork()
    if pid == 0:
        code = 1
        try:
            assert store._idle == {}
            assert store._inherited == [mine]
            store.sign("child", "within")
            assert mine not in store._idle[database]
            code = 0
        finally:
            os._exit(code)
    assert os.waitpid(pid, 0)[1] == 0
    store.sign("parent", "after")
    assert [entry.name for entry in store.newest(9, 0)] == ["parent", "child", "parent"]


def test_it_survives_the_process(database):
    code = "from demo_app import store; store.sign('old', 'still here')"
    environment = {**os.environ, "DEMO_APP_DB": str(database)}
    subprocess.run([sys.executable, "-W", "error", "-c", code], env=environment, check=True, timeout=30)
    assert store.newest(1, 0)[0].message == "still here"


@pytest.mark.parametrize(
    ("environment", "expected"),
    [
        ({"DEMO_APP_DB": "/x/y.db"}, "/x/y.db"),
        ({"XDG_STATE_HOME": "/state", "HOME": "/home/x"}, "/state/demo-app/guestbook.sqlite3"),
        ({"HOME": "/home/x"}, "/home/x/.local/state/demo-app/guestbook.sqlite3"),
    ],
)
def test_where_it_lies(monkeypatch, environment, expected):
    for name in ("DEMO_APP_DB", "XDG_STATE_HOME", "HOME"):
        monkeypatch.delenv(name, raising=False)
    for name, value in environment.items():
        monkeypatch.setenv(name, value)
    assert str(store.place()) == expected


def test_without_a_home_it_asks_for_a_place(ask, monkeypatch):
    monkeypatch.delenv("DEMO_APP_DB")
    monkeypatch.delenv("XDG_STATE_HOME", raising=False)

    def homeless():
        raise RuntimeError

    monkeypatch.setattr("pathlib.Path.home", homeless)
    answer = ask("/guestbook")
    assert answer.code == 503
    assert "set DEMO_APP_DB" in answer.text


@pytest.mark.parametrize("method", ["GET", "POST"])
def test_a_file_that_cannot_be_used_is_503_and_one_log_line(ask, tmp_path, monkeypatch, method):
    broken = tmp_path / "broken"
    broken.write_bytes(b"this is not a database" * 100)
    monkeypatch.setenv("DEMO_APP_DB", str(broken))
    log = io.StringIO()
    body = b"name=a&message=b" if method == "POST" else b""
    answer = ask("/guestbook", method, body, CONTENT_TYPE=FORM, **{"wsgi.errors": log})
    assert answer.code == 503
    assert answer.one("Retry-After") == "5"
    assert log.getvalue().count("\n") == 1
    assert "Traceback" not in answer.text + log.getvalue()
