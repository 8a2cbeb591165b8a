r"""The options of `gatelab request`. Who does the work is imported when there is work.

::

    request_url        where, and what for              request_fields      header fields
    request_content    what is sent                     request_variables   meta-variables
    request_command    all of it together               request_run         one request, start to end
    request_socket     over a connection                request_program     to a program on disk
    request_meter      time and bytes                   request_output      where the answer goes
    request_question   --ping, --values                 request_watch       -v
    request_errors     exit codes
"""

from __future__ import annotations

from typing import Annotated

import typer

__all__ = ["EPILOG", "request"]

EPILOG = """\b
Exit codes, curl's numbers where it has one:
  0    there is an answer, whatever its status
  2    it cannot be done as asked
  6    nobody knows the host
  7    nobody listens there, or the program cannot be run
  8    the answer breaks the protocol, or refuses in its words
  18   the answer breaks off before its end
  22   with --fail: the status is 400 or above
  23   the answer cannot be written where it should go
  26   the content to send cannot be read
  28   a time limit has passed
  52   the peer closed without an answer
  56   the connection broke
  63   the content is too long for --json
  130  Ctrl-C
"""

Url = Annotated[
    str,
    typer.Argument(
        metavar="URL",
        help="SCHEME://HOST:PORT/PATH or SCHEME+unix:SOCKET:/PATH, where SCHEME is http, fastcgi, scgi or uwsgi; "
        "or cgi:PROGRAM/PATH.",
    ),
]
Method = Annotated[
    str | None, typer.Option("-X", "--request", metavar="METHOD", help="GET by itself, POST with content.")
]
Header = Annotated[
    list[str] | None,
    typer.Option(
        "-H", "--header", metavar="FIELD", help="'Name: value'; 'Name;' for an empty one; 'Name:' leaves one out."
    ),
]
Form = Annotated[
    list[str] | None,
    typer.Option(
        "-d",
        "--data",
        metavar="DATA",
        help="Content, or @FILE without its line ends, or @- for standard input. Several are joined with &.",
    ),
]
Binary = Annotated[
    str | None, typer.Option("--data-binary", metavar="DATA", help="Content, @FILE or @-, every byte as it is.")
]
Param = Annotated[
    list[str] | None,
    typer.Option(
        metavar="NAME=VALUE", help="Set a meta-variable (fastcgi, scgi, uwsgi, cgi); NAME= empties it, NAME removes it."
    ),
]
Root = Annotated[
    str | None,
    typer.Option(metavar="DIR", help="The path is that of a script below DIR, which the backend sees: for PHP."),
]
ScriptName = Annotated[
    str | None,
    typer.Option(metavar="PREFIX", help="The path is that of an application mounted at PREFIX, '' for none."),
]
UnixSocket = Annotated[str | None, typer.Option(metavar="PATH", help="Connect here, whatever host the URL names.")]
Authorizer = Annotated[
    bool, typer.Option("--authorizer", help="fastcgi: ask whether this request may be answered (status 200: it may).")
]
Filter = Annotated[str | None, typer.Option("--filter", metavar="FILE", help="fastcgi: ask to filter this file.")]
Ping = Annotated[bool, typer.Option("--ping", help="uwsgi: ask with modifier 100 whether it is there.")]
Values = Annotated[bool, typer.Option("--values", help="fastcgi: ask with GET_VALUES what it can do.")]
Include = Annotated[bool, typer.Option("-i", "--include", help="Print the head too.")]
Head = Annotated[bool, typer.Option("-I", "--head", help="Ask with HEAD, and print the head.")]
Output = Annotated[
    str, typer.Option("-o", "--output", metavar="FILE", help="Write the content there; - for standard output.")
]
Json = Annotated[
    bool, typer.Option("--json", help="Print one JSON object: the answer, its times and bytes, or the error.")
]
Timing = Annotated[bool, typer.Option("--timing", help="Say at the end when what had happened.")]
Verbose = Annotated[
    bool, typer.Option("-v", "--verbose", help="Show every byte both ways, field by field, on standard error.")
]
Silent = Annotated[bool, typer.Option("-s", "--silent", help="Say nothing of errors.")]
Fail = Annotated[bool, typer.Option("-f", "--fail", help="Print nothing of an answer with a status from 400 on.")]
MaxTime = Annotated[
    float | None, typer.Option("-m", "--max-time", min=0.001, metavar="SECONDS", help="A limit for all of it.")
]
ConnectTimeout = Annotated[float, typer.Option(min=0.001, metavar="SECONDS", help="A limit for the connection alone.")]


def request(
    url: Url,
    method: Method = None,
    header: Header = None,
    data: Form = None,
    data_binary: Binary = None,
    param: Param = None,
    root: Root = None,
    script_name: ScriptName = None,
    unix_socket: UnixSocket = None,
    authorizer: Authorizer = False,
    filter_file: Filter = None,
    ping: Ping = False,
    values: Values = False,
    include: Include = False,
    head: Head = False,
    output: Output = "",
    json: Json = False,
    timing: Timing = False,
    verbose: Verbose = False,
    silent: Silent = False,
    fail: Fail = False,
    max_time: MaxTime = None,
    connect_timeout: ConnectTimeout = 10.0,
) -> None:
    """Send one request and print the answer.

    What curl does, for http, fastcgi, scgi and uwsgi servers, and for CGI programs on disk.

    \b
    php-fpm     gatelab request 'fastcgi://127.0.0.1:9000/status?full'
                gatelab request fastcgi+unix:/run/php/php8.2-fpm.sock:/ping
                gatelab request --root /srv/www 'fastcgi://127.0.0.1:9000/index.php?id=7'
    uWSGI       gatelab request -i uwsgi://127.0.0.1:3031/hello
                gatelab request --script-name '' fastcgi://127.0.0.1:3032/hello
    a program   gatelab request -d name=value --max-time 5 cgi:./form.py/extra
    the bytes   gatelab request -v scgi://127.0.0.1:4000/hello
    a script    gatelab request --json uwsgi+unix:/run/app.sock:/health | jq .timings_ms.total
    """  # noqa: D301 - \b tells click not to wrap what follows
    from .request_command import Wanted, perform

    wanted = Wanted(
        url=url,
        method=method or ("HEAD" if head else "GET" if data is None and data_binary is None else "POST"),
        header=header or (),
        data=data or (),
        data_binary=data_binary,
        param=param or (),
        root=root,
        script_name=script_name,
        unix_socket=unix_socket,
        authorizer=authorizer,
        filter_file=filter_file,
        ping=ping,
        values=values,
        include=include or head,
        output=output,
        json=json,
        timing=timing,
        verbose=verbose,
        silent=silent,
        fail=fail,
        max_time=max_time,
        connect_timeout=connect_timeout,
    )
    raise typer.Exit(perform(wanted))
