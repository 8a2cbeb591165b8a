"""All of `gatelab show` together: recordings in; text, a page or packets out."""

from __future__ import annotations

import io
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from html import escape

from wire_inspector import Message, columns
from wire_inspector.html import view

from . import capture
from .errors import BadAddress
from .record_command import protocol_named
from .record_display import Display, new_console
from .record_files import open_file
from .recording import BadRecording, Connection, Recording

__all__ = ["Wanted", "perform"]

PAGE = """<!doctype html>
<html lang="en"><head><meta charset="utf-8"><meta name="viewport" content="width=device-width">
<meta name="color-scheme" content="light dark"><title>{title}</title>
<style>body{{font-family:system-ui,sans-serif;margin:1.5rem;max-width:80rem}}h2{{font-size:1rem}}</style></head>
<body><h1>{title}</h1>
{body}
</body></html>
"""


@dataclass(frozen=True, slots=True)
class Wanted:
    """The options, as they were typed."""

    files: Sequence[str]
    connection: int | None
    protocol: str | None
    columns: bool
    html: str | None
    pcapng: str | None
    hex: bool


def perform(wanted: Wanted) -> None:
    """Show. Raises BadAddress and BadRecording."""
    if wanted.html is not None and wanted.pcapng is not None:
        raise BadAddress("a page or packets: choose one of --html and --pcapng")
    if wanted.columns and wanted.pcapng is not None:
        raise BadAddress("--pcapng writes one recording: leave --columns out")
    if len(wanted.files) > 1 and not wanted.columns:
        raise BadAddress("one file at a time, or several side by side with --columns")
    recordings = [_load(name, wanted) for name in wanted.files]
    if wanted.columns:
        _columns(recordings, wanted)
    elif wanted.html is not None:
        _write(wanted.html, _page(wanted.files[0], "\n".join(_views(recordings[0], wanted))))
    elif wanted.pcapng is not None:
        packets = io.BytesIO()
        capture.write(recordings[0], packets)
        _write(wanted.pcapng, packets.getvalue())
    else:
        display = Display(new_console(), recordings[0].protocol, hex=wanted.hex)
        for number, connection in _chosen(recordings[0], wanted):
            display.show(number, connection)
        if display.trouble:
            raise BadAddress(f"cannot write what there is to show: {display.trouble}")


def _load(name: str, wanted: Wanted) -> Recording:
    """Read a file; what the user says of it counts. Raises BadRecording."""
    recording = Recording.load(name)
    recording.protocol = protocol_named(wanted.protocol) or recording.protocol
    count = len(recording.connections)
    if count < (wanted.connection or 0):
        raise BadRecording(f"{name} has no connection {wanted.connection}: {count} were recorded")
    return recording


def _chosen(recording: Recording, wanted: Wanted) -> Iterator[tuple[int, Connection]]:
    """Yield the connections that are wanted, with their numbers."""
    for number, connection in enumerate(recording.connections, 1):
        if wanted.connection in (None, number):
            yield number, connection


def _columns(recordings: list[Recording], wanted: Wanted) -> None:
    """Show one connection of each recording side by side."""
    found: list[list[Message]] = []
    for name, recording in zip(wanted.files, recordings, strict=True):
        chosen = next(_chosen(recording, wanted), None)
        if chosen is None:
            raise BadRecording(f"{name} has no connections")
        found.append(_first_request(chosen[1]).messages(recording.protocol))
    table = columns(found)
    if wanted.html is None:
        new_console().print(table)
    else:
        _write(wanted.html, _page("side by side", table._repr_html_()))


def _first_request(connection: Connection) -> Connection:
    """Return a connection up to where the front speaks again after an answer: there a kept one has its next request."""
    answered = False
    for at, segment in enumerate(connection.segments):
        if answered and segment.sender == "front" and segment.data:
            return Connection(connection.segments[:at])
        answered = answered or (segment.sender == "backend" and bool(segment.data))
    return connection


def _views(recording: Recording, wanted: Wanted) -> Iterator[str]:
    """Yield a heading and a view for each connection."""
    known = {"front": recording.front, "backend": recording.backend, "": recording.note}
    yield "".join(f"<p>{escape(f'{name}: {words}'.removeprefix(': '))}</p>" for name, words in known.items() if words)
    for number, connection in _chosen(recording, wanted):
        yield f"<h2>connection {number}{escape(f', {connection.client}' if connection.client else '')}</h2>"
        yield view(connection.messages(recording.protocol))


def _page(title: str, body: str) -> bytes:
    return PAGE.format(title=escape(title), body=body).encode("utf-8", "backslashreplace")


def _write(path: str, data: bytes) -> None:
    """Write a file. Raises BadAddress."""
    try:
        with open_file(path) as file:
            file.write(data)
    except OSError as error:
        raise BadAddress(f"cannot write {path}: {(error.strerror or str(error)).lower()}") from None
