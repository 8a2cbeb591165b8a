"""From fields and meta-variables to the environ, and back."""

from __future__ import annotations

import io
from urllib.parse import quote
from wsgiref.validate import check_environ

import pytest

from gateway_core import environ as module
from gateway_core.environ import (
    base_environ,
    environ_from_http,
    environ_from_variables,
    mount,
    variable_name,
    variables_from_environ,
)
from gateway_core.errors import RemoteProtocolError
from gateway_core.file_wrapper import FileWrapper

ERRORS = io.StringIO()


def base(**changes):
    settings = {
        "protocol": "HTTP", "software": "test/1", "server_name": "localhost", "server_port": "8000", "errors": ERRORS,
        "multithread": False, "multiprocess": True,
    }  # fmt: skip
    return base_environ(**(settings | changes))


def from_http(target="/", fields=(("host", "x"),), method="GET", version="HTTP/1.1", peer="192.0.2.7"):
    return environ_from_http(base(), method, target, version, list(fields), peer)


def from_variables(*variables):
    return environ_from_variables(base(), [("REQUEST_METHOD", "GET"), *variables])


# -- the template -----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("multithread", [True, False])
@pytest.mark.parametrize("multiprocess", [True, False])
@pytest.mark.parametrize("run_once", [True, False])
def test_the_template_says_how_the_server_runs(multithread, multiprocess, run_once):
    environ = base(multithread=multithread, multiprocess=multiprocess, run_once=run_once, protocol="SCGI")
    assert environ["wsgi.multithread"] is multithread
    assert environ["wsgi.multiprocess"] is multiprocess
    assert environ["wsgi.run_once"] is run_once
    assert environ["wsgi.version"] == (1, 0)
    assert type(environ["wsgi.version"]) is tuple
    assert environ["wsgi.errors"] is ERRORS
    assert environ["gatelab.protocol"] == "SCGI"
    assert environ["GATEWAY_INTERFACE"] == "CGI/1.1"
    assert environ["SERVER_SOFTWARE"] == "test/1"


def test_a_server_serves_more_than_once_unless_it_says_so():
    assert base()["wsgi.run_once"] is False


def test_content_is_complete_and_files_may_be_wrapped():
    assert base()["wsgi.input_terminated"] is True
    assert base()["wsgi.file_wrapper"] is FileWrapper


def test_variables_of_the_deployer():
    variables = {"my.setting": "caf\xc3\xa9", "SERVER_NAME": "evil", "wsgi.version": "evil", "DOCUMENT_ROOT": "/srv"}
    environ = environ_from_http(base(variables=variables), "GET", "/", "HTTP/1.1", [("host", "x")], "")
    assert environ["my.setting"] == "caf\xc3\xa9"
    assert environ["DOCUMENT_ROOT"] == "/srv"
    assert environ["SERVER_NAME"] == "localhost"
    assert environ["wsgi.version"] == (1, 0)


def test_every_request_has_a_dict_of_its_own():
    template = base()
    before = dict(template)
    for environ in (
        environ_from_http(template, "GET", "/a", "HTTP/1.1", [("x", "1")], ""),
        environ_from_variables(template, [("REQUEST_METHOD", "GET"), ("HTTP_X", "1")]),
    ):
        assert type(environ) is dict
        environ.clear()
    assert template == before


@pytest.mark.parametrize("method", ["GET", "HEAD", "POST", "OPTIONS", "PUT", "DELETE", "PATCH", "TRACE"])
@pytest.mark.parametrize("target", ["/", "/a/b?c=d", "//a", "/%D0%BF?%D0%BF", "/?", "/a%2Fb"])
def test_wsgiref_s_validator_finds_nothing(method, target):
    fields = [("host", "x"), ("content-type", "text/plain"), ("content-length", "0"), ("x", "1"), ("proxy", "evil")]
    forwarded = from_http(target, fields, method)
    sent = variables_from_environ(forwarded)
    for environ in (forwarded, environ_from_variables(base(protocol="SCGI"), sent)):
        environ["wsgi.input"] = io.BytesIO()
        check_environ(environ)


# -- HTTP in ----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("target", "path", "query"),
    [
        ("/", "/", ""),
        ("/a/b", "/a/b", ""),
        ("/a?", "/a", ""),
        ("/a?b=c", "/a", "b=c"),
        ("/a?b=%20?c+d", "/a", "b=%20?c+d"),
        ("/%61", "/a", ""),
        ("/%2561", "/%61", ""),
        ("/a%2Fb", "/a/b", ""),
        ("/%D0%BF", "/\xd0\xbf", ""),
        ("/\xd0\xbf", "/\xd0\xbf", ""),
        ("/%ff%00", "/\xff\x00", ""),
        ("/%", "/%", ""),
        ("/%zz%4", "/%zz%4", ""),
        ("/a+b", "/a+b", ""),
        ("/a/../b//c/.", "/a/../b//c/.", ""),
        ("/a;p=1", "/a;p=1", ""),
        ("*", "*", ""),
    ],
)
def test_the_path_is_decoded_once_and_the_query_is_not(target, path, query):
    environ = from_http(target)
    assert (environ["SCRIPT_NAME"], environ["PATH_INFO"], environ["QUERY_STRING"]) == ("", path, query)
    assert environ["REQUEST_URI"] == target


def test_what_the_request_line_and_the_connection_say():
    environ = from_http("/x", [], "BREW", "HTTP/1.0", "2001:db8::1")
    assert environ["REQUEST_METHOD"] == "BREW"
    assert environ["SERVER_PROTOCOL"] == "HTTP/1.0"
    assert environ["REMOTE_ADDR"] == "2001:db8::1"
    assert environ["SERVER_NAME"] == "localhost"
    assert environ["SERVER_PORT"] == "8000"
    assert environ["SERVER_SOFTWARE"] == "test/1"
    assert environ["wsgi.url_scheme"] == "http"
    assert not [name for name in environ if name.startswith("HTTP_")]
    assert "CONTENT_LENGTH" not in environ
    assert "CONTENT_TYPE" not in environ
    assert None not in environ.values()


NAMES = [
    ("accept", "HTTP_ACCEPT"),
    ("Accept-Language", "HTTP_ACCEPT_LANGUAGE"),
    ("X-9", "HTTP_X_9"),
    ("content-length", "CONTENT_LENGTH"),
    ("Content-Type", "CONTENT_TYPE"),
    ("content_length", ""),
    ("content_type", ""),
    ("proxy", ""),
    ("PROXY", ""),
    ("transfer-encoding", ""),
    ("x_foo", ""),
    ("x-foo_bar", ""),
    ("x.foo", ""),
    ("x!", ""),
    ("", ""),
    ("x foo", ""),
    ("x\n", ""),
    ("\xe9", ""),
    ("http-proxy", "HTTP_HTTP_PROXY"),
    ("authorization", "HTTP_AUTHORIZATION"),
]


@pytest.mark.parametrize(("field", "variable"), NAMES)
def test_names_of_fields(field, variable):
    for _ in range(2):  # the second time it is remembered
        assert variable_name(field) == variable
        environ = from_http(fields=[(field, "value")])
        new = environ.keys() - from_http(fields=[]).keys()
        assert new == ({variable} if variable else set())


@pytest.mark.parametrize(
    ("fields", "variable", "value"),
    [
        ([("x", "1"), ("x", "2")], "HTTP_X", "1, 2"),
        ([("x", "2"), ("y", "0"), ("X", "1"), ("x", "")], "HTTP_X", "2, 1, "),
        ([("cookie", "a=1"), ("cookie", "b=2; c=3")], "HTTP_COOKIE", "a=1; b=2; c=3"),
        ([("x-forwarded-for", "1.1.1.1"), ("x-forwarded-for", "2.2.2.2")], "HTTP_X_FORWARDED_FOR", "1.1.1.1, 2.2.2.2"),
        ([("x-foo", "good"), ("x_foo", "evil")], "HTTP_X_FOO", "good"),
        ([("x_foo", "evil"), ("x-foo", "good")], "HTTP_X_FOO", "good"),
        ([("x", "")], "HTTP_X", ""),
        ([("x", "caf\xe9")], "HTTP_X", "caf\xe9"),
    ],
)
def test_repeated_fields_are_joined_in_order(fields, variable, value):
    assert from_http(fields=fields)[variable] == value
    as_variables = [("HTTP_" + name.upper().replace("-", "_"), value) for name, value in fields if "_" not in name]
    assert from_variables(*as_variables)[variable] == value


def test_field_names_are_remembered_in_bounded_memory():
    for number in range(3000):
        variable_name(f"x-{number}")
        from_variables((f"HTTP_X_{number}", ""))
    assert len(module._field_names) <= 1024
    assert len(module._variable_names) <= 1024


@pytest.mark.parametrize("target", ["/", "/a/b", "/p%C3%A4th/x", "/a%20b", "/a?b=c"])
def test_the_url_can_be_reconstructed(target):
    """PEP 3333, "URL Reconstruction"."""
    environ = from_http(target)
    url = quote(environ["SCRIPT_NAME"], encoding="latin-1") + quote(environ["PATH_INFO"], encoding="latin-1")
    if environ["QUERY_STRING"]:
        url += "?" + environ["QUERY_STRING"]
    assert url == target


# -- meta-variables in ------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("variables", "script_name", "path_info"),
    [
        # CGI as RFC 3875 has it
        ({"SCRIPT_NAME": "/app", "PATH_INFO": "/x"}, "/app", "/x"),
        ({"SCRIPT_NAME": "/app", "PATH_INFO": ""}, "/app", ""),
        ({"SCRIPT_NAME": "", "PATH_INFO": "/x"}, "", "/x"),
        ({"PATH_INFO": "/x"}, "", "/x"),
        ({"PATH_INFO": "/%41"}, "", "/%41"),  # a front has decoded it
        # an application at the root
        ({"SCRIPT_NAME": "/", "PATH_INFO": ""}, "", "/"),
        ({"SCRIPT_NAME": "/", "PATH_INFO": "x"}, "", "/x"),
        ({"SCRIPT_NAME": "/", "PATH_INFO": "/x"}, "", "/x"),
        # nginx: fastcgi_params, scgi_params, uwsgi_params
        ({"SCRIPT_NAME": "/x", "DOCUMENT_URI": "/x", "REQUEST_URI": "/x?y"}, "", "/x"),
        ({"DOCUMENT_URI": "/x y", "REQUEST_URI": "/x%20y?z"}, "", "/x y"),
        ({"PATH_INFO": "/x", "DOCUMENT_URI": "/y"}, "", "/x"),
        # the least a front may send
        ({"REQUEST_URI": "/%D0%BF?y"}, "", "/\xd0\xbf"),
        ({"SCRIPT_NAME": "", "REQUEST_URI": "/x"}, "", "/x"),
        ({}, "", ""),
    ],
)
def test_the_path_of_meta_variables(variables, script_name, path_info):
    environ = from_variables(*variables.items())
    assert (environ["SCRIPT_NAME"], environ["PATH_INFO"]) == (script_name, path_info)


@pytest.mark.parametrize("name", ["SERVER_NAME", "SERVER_PORT", "SERVER_PROTOCOL", "SERVER_SOFTWARE"])
def test_an_empty_variable_counts_as_absent(name):
    assert from_variables((name, ""))[name] == base()[name] != ""
    assert from_variables((name, "other"))[name] == "other"


@pytest.mark.parametrize("name", ["CONTENT_LENGTH", "CONTENT_TYPE", "REMOTE_USER", "AUTH_TYPE", "REMOTE_ADDR"])
def test_an_empty_variable_that_has_no_default_is_absent(name):
    assert name not in from_variables((name, ""))
    assert from_variables((name, "7"))[name] == "7"


@pytest.mark.parametrize("name", ["QUERY_STRING", "HTTP_ACCEPT", "HTTP_X"])
def test_what_may_be_empty(name):
    assert from_variables((name, ""))[name] == ""


@pytest.mark.parametrize(
    "name",
    [
        "wsgi.input", "wsgi.errors", "wsgi.url_scheme", "wsgi.run_once", "gatelab.protocol", "path_info", "Path_Info",
        "HTTP_x", "x", "", "_X", "9X", "X-Y", "X.Y", "X Y", "X\n", "X\x00", "\xc4", "HTTP_X\r\n",
        "UWSGI_FILE", "UWSGI_SCRIPT", "UWSGI_CHDIR", "UWSGI_",
        "HTTP_PROXY", "HTTP_CONTENT_LENGTH", "HTTP_CONTENT_TYPE", "HTTP_TRANSFER_ENCODING",
        "HTTP_CONNECTION", "HTTP_KEEP_ALIVE", "HTTP_TE", "HTTP_TRAILER", "HTTP_UPGRADE", "HTTP_EXPECT",
        "HTTP_PROXY_AUTHORIZATION", "HTTP_PROXY_AUTHENTICATE", "HTTP_PROXY_CONNECTION",
    ],
)  # fmt: skip
def test_what_a_front_may_not_set(name):
    for _ in range(2):  # the second time it is remembered
        assert from_variables((name, "evil"), (name, "twice")) == from_variables()


@pytest.mark.parametrize("name", ["CONTENT_LENGTH", "CONTENT_TYPE", "PATH_INFO", "REMOTE_USER", "X", "QUERY_STRING"])
def test_a_repeated_variable_is_refused(name):
    for values in (("1", "2"), ("1", "1"), ("", "")):
        with pytest.raises(RemoteProtocolError, match=name) as caught:
            from_variables(*[(name, value) for value in values])
        assert caught.value.status == 400


@pytest.mark.parametrize("variables", [[], [("REQUEST_METHOD", "")], [("request_method", "GET")]])
def test_a_request_has_a_method(variables):
    with pytest.raises(RemoteProtocolError, match="REQUEST_METHOD") as caught:
        environ_from_variables(base(), variables)
    assert caught.value.status == 400


@pytest.mark.parametrize(
    ("variables", "scheme"),
    [
        ({}, "http"),
        ({"HTTPS": "on"}, "https"),
        ({"HTTPS": "ON"}, "https"),
        ({"HTTPS": "1"}, "https"),
        ({"HTTPS": "off"}, "http"),
        ({"HTTPS": ""}, "http"),
        ({"REQUEST_SCHEME": "https"}, "https"),
        ({"REQUEST_SCHEME": "http"}, "http"),
        ({"REQUEST_SCHEME": "https", "HTTPS": ""}, "https"),
        ({"HTTP_X_FORWARDED_PROTO": "https"}, "http"),
        ({"HTTP_HTTPS": "on"}, "http"),
    ],
)
def test_the_scheme(variables, scheme):
    assert from_variables(*variables.items())["wsgi.url_scheme"] == scheme


def test_forwarded_fields_change_nothing_by_themselves():
    fields = [("x-forwarded-for", "1.1.1.1"), ("x-forwarded-proto", "https"), ("x-forwarded-host", "evil")]
    environ = from_http(fields=fields)
    assert environ["REMOTE_ADDR"] == "192.0.2.7"
    assert environ["wsgi.url_scheme"] == "http"
    assert environ["SERVER_NAME"] == "localhost"


# -- mounting ---------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("prefix", "script_name", "path_info", "result"),
    [
        ("", "", "/x", ("", "/x")),
        ("", "", "/", ("", "/")),
        ("", "/x", "", ("", "/x")),
        ("", "/x", "/y", ("", "/x/y")),
        ("", "", "*", ("", "*")),
        ("/app", "", "/app", ("/app", "")),
        ("/app", "", "/app/", ("/app", "/")),
        ("/app", "", "/app/x", ("/app", "/x")),
        ("/app", "", "/app//x", ("/app", "//x")),
        ("/app", "/app", "/x", ("/app", "/x")),
        ("/app", "/app/x", "", ("/app", "/x")),
        ("/a/b", "/a", "/b/c", ("/a/b", "/c")),
        ("/app", "", "/application", None),
        ("/app", "", "/ap", None),
        ("/app", "", "/", None),
        ("/app", "", "", None),
        ("/app", "", "/x/app", None),
        ("/app", "", "/APP", None),
        ("/app", "", "*", None),
    ],
)
def test_mount(prefix, script_name, path_info, result):
    environ = {"SCRIPT_NAME": script_name, "PATH_INFO": path_info}
    assert mount(environ, prefix) is (result is not None)
    assert (environ["SCRIPT_NAME"], environ["PATH_INFO"]) == (result or (script_name, path_info))


# -- and back ---------------------------------------------------------------------------------------------------------


def test_content_length_comes_first_and_always():
    assert variables_from_environ(from_http())[0] == ("CONTENT_LENGTH", "0")
    assert variables_from_environ(from_http(fields=[("content-length", "")]))[0] == ("CONTENT_LENGTH", "0")
    variables = variables_from_environ(from_http(fields=[("x", "1"), ("content-length", "5")]))
    assert variables[0] == ("CONTENT_LENGTH", "5")
    assert [name for name, _ in variables].count("CONTENT_LENGTH") == 1


def test_no_name_comes_twice():
    environ = from_http(fields=[("x", "1"), ("x", "2"), ("content-length", "5"), ("content-type", "a")])
    environ.update({"GATEWAY_INTERFACE": "CGI/1.1", "HTTPS": "on", "wsgi.url_scheme": "https"})
    names = [name for name, _ in variables_from_environ(environ)]
    assert len(names) == len(set(names))


def test_what_goes_on():
    environ = from_http("/a%20b?c", [("accept", "*/*"), ("content-type", "text/plain")], "POST")
    variables = dict(variables_from_environ(environ))
    assert variables == {
        "CONTENT_LENGTH": "0", "CONTENT_TYPE": "text/plain", "GATEWAY_INTERFACE": "CGI/1.1", "HTTP_ACCEPT": "*/*",
        "PATH_INFO": "/a b", "QUERY_STRING": "c", "REMOTE_ADDR": "192.0.2.7", "REQUEST_METHOD": "POST",
        "REQUEST_URI": "/a%20b?c", "SCRIPT_NAME": "", "SERVER_NAME": "localhost", "SERVER_PORT": "8000",
        "SERVER_PROTOCOL": "HTTP/1.1", "SERVER_SOFTWARE": "test/1",
    }  # fmt: skip


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("HTTP_CONNECTION", "close"), ("HTTP_KEEP_ALIVE", "1"), ("HTTP_TE", "trailers"), ("HTTP_TRAILER", "x"),
        ("HTTP_UPGRADE", "h2c"), ("HTTP_EXPECT", "100-continue"), ("HTTP_PROXY", "evil"),
        ("HTTP_PROXY_AUTHORIZATION", "secret"), ("HTTP_PROXY_CONNECTION", "close"), ("HTTP_TRANSFER_ENCODING", "x"),
        ("HTTP_CONTENT_LENGTH", "7"), ("HTTP_CONTENT_TYPE", "x"),
        ("wsgi.file_wrapper", "x"), ("myapp.user", "x"), ("werkzeug", "x"), ("NUMBER", 5), ("NONE", None),
    ],
)  # fmt: skip
def test_what_stays_behind(name, value):
    environ = from_http()
    environ[name] = value
    assert name not in dict(variables_from_environ(environ))


@pytest.mark.parametrize(("scheme", "https"), [("http", None), ("https", "on")])
def test_the_scheme_goes_on(scheme, https):
    environ = from_http()
    environ["wsgi.url_scheme"] = scheme
    assert dict(variables_from_environ(environ)).get("HTTPS") == https


@pytest.mark.parametrize("target", ["/", "/a%20b/%D0%BF?c=%20", "/%2561", "/a?b?c"])
def test_there_and_back(target):
    fields = [("host", "x"), ("cookie", "a=1"), ("cookie", "b=2"), ("content-type", "text/plain"), ("x", "caf\xe9")]
    environ = from_http(target, fields, "POST")
    arrived = environ_from_variables(base(protocol="FastCGI"), variables_from_environ(environ))
    assert arrived.pop("gatelab.protocol") == "FastCGI"
    assert arrived.pop("CONTENT_LENGTH") == "0"
    assert environ.pop("gatelab.protocol") == "HTTP"
    assert arrived == environ
