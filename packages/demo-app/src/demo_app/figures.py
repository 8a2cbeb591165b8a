"""The museum's figures, by the name that a page calls them.

Figures of bytes are made from the messages in `wire`, so that a figure cannot show what a test has
not read. The other figures are drawn by hand, each a template in ``templates/figures``.
"""

from dataclasses import dataclass

from demo_app import layout, wire

CAPTIONS = {
    "http-request": "The request in HTTP/1.1, as the browser sends it",
    "http-response": "The answer in HTTP/1.1",
    "cgi-request": "The request in CGI, as the environment of a new process; standard input is empty",
    "cgi-response": "The answer in CGI, as the program prints it",
    "fastcgi-request": "The request in FastCGI, four records",
    "fastcgi-response": "The answer in FastCGI, three records around the same text that CGI prints",
    "scgi-request": "The request in SCGI, one netstring",
    "scgi-response": "The answer in SCGI, the same text that CGI prints",
    "uwsgi-request": "The request in uwsgi, one packet",
    "uwsgi-response": "The answer in uwsgi, an HTTP response",
}

#: The other figures: made by hand, in templates/figures.
DRAWN = frozenset({"path", "each-its-process", "one-process-stays", "wsgi-call", "asgi-call", "map"})

#: Bytes that a reader knows by these names; others that cannot be printed are a dot.
_SHOWN = {0x00: "\\0", 0x0A: "\\n", 0x0D: "\\r"}


@dataclass(frozen=True)
class _Total:
    """A protocol's line in the comparison: its bytes by kind, in the order of `wire.Kind`."""

    title: str
    page: str
    parts: list[tuple[str, int]]

    @property
    def bytes(self) -> int:
        """Return the bytes in all."""
        return sum(size for _, size in self.parts)

    @property
    def said(self) -> int:
        """Return the bytes that are names and values."""
        return sum(size for kind, size in self.parts if kind in ("name", "value"))


def figure(name: str) -> str | None:
    """Return a figure as HTML, or None when there is none of that name."""
    if name in wire.MESSAGES:
        message = wire.MESSAGES[name]()
        return layout.fragment(
            "figures/wire.html",
            name=name,
            caption=CAPTIONS[name],
            size=len(wire.bytes_of(message)),
            lines=_lines(message),
        )
    if name == "sizes":
        return layout.fragment("figures/sizes.html", totals=_totals(), kinds=[kind.value for kind in wire.Kind])
    if name in DRAWN:
        return layout.fragment(f"figures/{name}.html", variables=wire.VARIABLES)
    return None


def _lines(message: wire.Message) -> list[dict[str, object]]:
    lines = []
    offset = 0
    for line in message:
        pieces = [
            {"kind": piece.kind.value, "hex": piece.content.hex(" "), "text": _shown(piece.content)}
            for piece in line.pieces
            if piece.content
        ]
        lines.append({"offset": offset, "meaning": line.meaning, "pieces": pieces})
        offset += len(line.content)
    return lines


def _shown(content: bytes) -> str:
    return "".join(_SHOWN.get(byte) or (chr(byte) if 0x20 <= byte < 0x7F else "·") for byte in content)


def _totals() -> list[_Total]:
    names = {"HTTP/1.1": "http", "CGI": "cgi", "SCGI": "scgi", "uwsgi": "uwsgi", "FastCGI": "fastcgi"}
    totals = [_Total(title, page, _parts(wire.MESSAGES[f"{page}-request"]())) for title, page in names.items()]
    return [*totals, _Total("WSGI", "wsgi", []), _Total("ASGI", "asgi", [])]


def _parts(message: wire.Message) -> list[tuple[str, int]]:
    sizes = dict.fromkeys(wire.Kind, 0)
    for line in message:
        for piece in line.pieces:
            sizes[piece.kind] += len(piece.content)
    return [(kind.value, size) for kind, size in sizes.items() if size]
