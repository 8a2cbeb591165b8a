"""All of `gatelab request` together: from what was typed to an order, and from what came of it to an exit code."""

from __future__ import annotations

import os
from collections.abc import Sequence
from dataclasses import dataclass

from cgi_runner.environment import own_variables
from fastcgi_server.records import AUTHORIZER, FILTER, RESPONDER

from . import figures
from .request_content import Content
from .request_errors import BadRequest, Exit, Failed
from .request_fields import FORM, request_fields
from .request_meter import Meter, nobody
from .request_output import Answer, Output, as_json, tell, timing_line
from .request_program import find_program
from .request_question import Question
from .request_run import Order, run
from .request_url import Url, parse
from .request_variables import divide, lost_fields, meta_variables, with_params

__all__ = ["Wanted", "perform"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Wanted:
    """The options, as they were typed."""

    url: str
    method: str
    header: Sequence[str]
    data: Sequence[str]
    data_binary: str | None
    param: Sequence[str]
    authorizer: bool
    filter_file: str | None
    ping: bool
    values: bool
    root: str | None
    script_name: str | None
    unix_socket: str | None
    include: bool
    output: str
    json: bool
    timing: bool
    verbose: bool
    silent: bool
    fail: bool
    max_time: float | None
    connect_timeout: float


def perform(wanted: Wanted) -> Exit:
    """Ask, and say what came of it; return the exit code. Raises BadRequest."""
    url = parse(wanted.url, wanted.unix_socket)
    _check(wanted, url)
    watcher = None
    if wanted.verbose:
        from .request_watch import Watcher  # rich takes a while to import

        watcher = Watcher(url.protocol)
    answer = Answer(Meter(wanted.max_time, watcher or nobody), None if wanted.json or wanted.silent else tell)
    try:
        with _content(wanted) as content, _filtered(wanted) as filtered, Output(wanted.output) as output:
            order = _order(wanted, url, content.length, filtered)
            if watcher and order.program:
                watcher.environment(order.variables)
            run(order, content, output, answer)
    except Failed as failed:
        answer.error, answer.code = str(failed), failed.code
    except KeyboardInterrupt:
        answer.error, answer.code = "interrupted", Exit.INTERRUPTED
    _report(wanted, url, answer)
    return answer.code


def _check(wanted: Wanted, url: Url) -> None:
    """Refuse what contradicts itself. Raises BadRequest."""
    for option, asked, scheme in (
        ("--ping", wanted.ping, "uwsgi"),
        ("--values", wanted.values, "fastcgi"),
        ("--authorizer", wanted.authorizer, "fastcgi"),
        ("--filter", wanted.filter_file is not None, "fastcgi"),
    ):
        if asked and url.scheme != scheme:
            raise BadRequest(f"{option} is a question to {scheme}, not to {url.scheme}")
    if sum([wanted.ping, wanted.values, wanted.authorizer, wanted.filter_file is not None]) > 1:
        raise BadRequest("of --ping, --values, --authorizer and --filter there can be one")
    if wanted.authorizer and _has_content(wanted):
        raise BadRequest("an authorizer gets no content: leave -d and --data-binary out")
    if wanted.data and wanted.data_binary is not None:
        raise BadRequest("content comes from -d or from --data-binary, not from both")
    if wanted.root is not None and wanted.script_name is not None:
        raise BadRequest("--root is for a script and --script-name for an application: the path cannot be both")
    if url.scheme == "http" and wanted.param:
        raise BadRequest("HTTP has no variables: use -H for a field, in place of --param")
    if url.scheme in ("http", "cgi") and (wanted.root is not None or wanted.script_name is not None):
        why = "an HTTP server" if url.scheme == "http" else "a program's place on disk"
        raise BadRequest(f"{why} says itself how the path is divided: leave --root and --script-name out")


def _has_content(wanted: Wanted) -> bool:
    return wanted.data_binary is not None or bool(wanted.data)


def _content(wanted: Wanted) -> Content:
    if wanted.data_binary is not None:
        return Content([wanted.data_binary], binary=True)
    return Content(wanted.data)


def _filtered(wanted: Wanted) -> Content:
    """Return the file for a filter; nothing if there is none."""
    return Content([] if wanted.filter_file is None else [f"@{wanted.filter_file}"], binary=True)


def _order(wanted: Wanted, url: Url, length: int, filtered: Content) -> Order:
    fields = request_fields(wanted.header, url.host, FORM if _has_content(wanted) else "")
    program, variables = None, []
    if url.scheme != "http":
        if url.scheme == "cgi":
            program, division = find_program(url.path)
        else:
            division = divide(url, _bytes_as_text(wanted.script_name), _bytes_as_text(wanted.root))
        variables = meta_variables(url, wanted.method, fields, length, division)
        for name in [] if wanted.silent else lost_fields(fields, variables):
            _complain(f"no front makes a variable of the field {name}, so it is left out; --param can set one")
        if wanted.filter_file is not None:  # FastCGI 1.0, section 6.4
            changed = int(os.fstat(filtered.stream.fileno()).st_mtime)
            variables += [("FCGI_DATA_LENGTH", str(filtered.length)), ("FCGI_DATA_LAST_MOD", str(changed))]
        if program is not None:
            own = [(name.decode("latin-1"), value.decode("latin-1")) for name, value in own_variables().items()]
            variables = [*own, *variables]
        variables = with_params(variables, wanted.param)
    return Order(
        url=url,
        method=wanted.method,
        fields=fields,
        variables=variables,
        program=program,
        role=AUTHORIZER if wanted.authorizer else RESPONDER if wanted.filter_file is None else FILTER,
        filtered=filtered,
        question=Question(url.scheme) if wanted.ping or wanted.values else None,
        connect_limit=wanted.connect_timeout,
        include=wanted.include,
        fail=wanted.fail,
        keep=wanted.json and not wanted.output,
    )


def _bytes_as_text(argument: str | None) -> str | None:
    """Return an argument as variables have it: one character a byte."""
    return argument if argument is None else os.fsencode(argument).decode("latin-1")


def _report(wanted: Wanted, url: Url, answer: Answer) -> None:
    """Say what there is to say once it is over."""
    told = False
    if wanted.json:
        try:
            with Output("-") as output:
                output.write(as_json(url, answer, body=not wanted.output))
            told = True
        except Failed as failed:
            answer.error, answer.code = str(failed), failed.code
    if answer.error and not wanted.silent and not told:
        _complain(f"{url}: {answer.error}")
    if wanted.timing:
        tell(timing_line(answer.meter))


def _complain(sentence: str) -> None:
    tell(f"gatelab: {figures.printable(sentence)}")
