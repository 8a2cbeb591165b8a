"""Becoming another user. Only root can do it, so part of this is for a test run by root."""

from __future__ import annotations

import os
import pwd
import re
import socket
import sys
import tempfile
from pathlib import Path

import pytest

from gateway_runtime.errors import StartupError
from gateway_runtime.identity import Identity
from gateway_runtime.testing import Server, run_to_end
from master_world import get

root = pytest.mark.skipif(os.geteuid() != 0, reason="only root can become another user")
NOBODY = pwd.getpwnam("nobody")


def test_nobody_is_asked_for():
    assert Identity.of("", "") is None


def test_users_and_groups_have_names_and_numbers():
    me = pwd.getpwuid(os.geteuid())
    assert Identity.of(me.pw_name, "") == Identity.of(str(me.pw_uid), "") == Identity(me.pw_uid, me.pw_gid, me.pw_name)
    assert Identity.of("", str(me.pw_gid)) == Identity(me.pw_uid, me.pw_gid, me.pw_name)


@pytest.mark.parametrize("name", ["no-such-user", "4294967294999", "99999999", "\u0661", "-1"])
def test_a_user_that_there_is_not(name):
    with pytest.raises(StartupError, match=f"there is no user {name!r}"):
        Identity.of(name, "")
    with pytest.raises(StartupError, match=f"there is no group {name!r}"):
        Identity.of("", name)


def test_others_cannot_become_anybody(monkeypatch):
    monkeypatch.setattr(os, "geteuid", lambda: 4242)
    with pytest.raises(StartupError, match="only root can become another user"):
        Identity.of("nobody", "")


def test_who_one_is_already_one_can_become(tmp_path):
    me = Identity.of(str(os.geteuid()), str(os.getegid()))
    me.give(str(tmp_path))
    me.assume()
    assert os.geteuid() == me.uid


def test_a_file_cannot_be_given_where_it_is_not():
    with pytest.raises(StartupError, match="cannot give no/such/file to nobody"):
        Identity(4242, 4242, "nobody").give("no/such/file")


APP = """
import os
def app(environ, start_response):
    start_response("200 OK", [])
    return [repr((os.getuid(), os.getgid(), os.getgroups())).encode()]
"""


@pytest.fixture
def public(tmp_path, monkeypatch):
    """A folder that everybody may enter, with the application, and one in it that is nobody's."""
    folder = Path(tempfile.mkdtemp())  # what pytest makes is within a folder that is closed to others
    folder.chmod(0o755)
    (folder / "theirs").mkdir()
    os.chown(folder / "theirs", NOBODY.pw_uid, NOBODY.pw_gid)
    (folder / "served_by_nobody.py").write_text(APP)
    monkeypatch.chdir(folder)
    yield folder
    for path in sorted(folder.rglob("*"), reverse=True):
        path.rmdir() if path.is_dir() else path.unlink()
    folder.rmdir()


@root
def test_root_is_left_behind(public):
    with Server(
        "wsgi_server", "served_by_nobody:app", "--bind", "unix:theirs/x.sock", "--user", "nobody", "--pid-file",
        "theirs/x.pid", "--log-file", "theirs/x.log", "--control", "unix:theirs/c.sock",
    ) as server:  # fmt: skip
        assert get(server, "") == repr((NOBODY.pw_uid, NOBODY.pw_gid, [NOBODY.pw_gid]))
        for path in Path("theirs").iterdir():
            found = path.stat()
            assert (found.st_uid, found.st_gid) == (NOBODY.pw_uid, NOBODY.pw_gid)
        if sys.platform == "linux":
            told = Path(f"/proc/{server.pid}/status").read_text()
            assert re.search(rf"^Uid:\t({NOBODY.pw_uid}\t?)+$", told, re.MULTILINE)  # real, effective, saved
    assert [path.name for path in Path("theirs").iterdir()] == ["x.log"]


@root
def test_a_port_is_bound_as_root_and_a_file_in_root_s_folder_stays(public):
    with Server("wsgi_server", "served_by_nobody:app", "--bind", "127.0.0.1:0", "--user", "nobody") as server:
        assert get(server, "").startswith(f"({NOBODY.pw_uid},")
    arguments = ["served_by_nobody:app", "--bind", "127.0.0.1:0", "--user", "nobody"]
    code, said = run_to_end("wsgi_server", *arguments, "--pid-file", "x.pid")
    assert code == 2
    assert re.fullmatch(f"wsgi_server: --pid-file .*: cannot write in {public}\n", said)
    with socket.socket(socket.AF_UNIX) as left:
        left.bind("left.sock")
    code, said = run_to_end("wsgi_server", *arguments, "--bind", "unix:left.sock", "--log-file", "x.log")
    assert code == 2
    assert re.fullmatch(r"wsgi_server: cannot write the log file .*: Permission denied\n", said)
