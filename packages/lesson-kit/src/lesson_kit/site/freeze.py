"""A site of files: the demo application answers every page once, and what it said is kept.

::

    lessons/  docs/  museum  --demo_app-->  HTML  --links made relative-->  site/lessons/*.html ...
    the last record of the bench  --gateway-bench draw-->  site/report/index.html

So a page of the site is the page that the application serves, under any gateway. What only a running server can do
(guestbook, experiments, the line about the process at the foot) is left out, and of the lessons what only a notebook
can (`readers`). Links lead from file to file; one that leads to a file of the repository that is not in the site
becomes plain text with the path beside it. Nothing is loaded from elsewhere.
"""

from __future__ import annotations

import io
import os
import posixpath
import re
import shutil
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final
from urllib.parse import urldefrag, urlsplit

from bs4 import BeautifulSoup, Tag

import demo_app
from demo_app import assets, sources
from lesson_kit.errors import KitError
from lesson_kit.site.home import write_home, write_lessons

__all__ = ["Part", "build_site"]

OK: Final = "200 OK"
MUSEUM, NAME = "Gateway Museum", "Gatelab"
"""What the application calls itself, and what the whole is called."""
PICTURES: Final = (".png", ".svg")


@dataclass(frozen=True, slots=True)
class Part:
    """A folder of pages.

    `mount` is where it stands in the site ("" for the root), `name` what the menu calls it, `original` the folder of
    the repository that its files are from: their links are meant from there.
    """

    mount: str
    folder: Path
    name: str
    original: Path
    pages: list[str] = field(default_factory=list)


def parts_of(root: Path, made: Path) -> tuple[Part, ...]:
    """Return the parts of the site, in the order of the menu."""
    return (
        Part("", made / "home", "Start", root),
        Part("/lessons", made / "lessons", "Lessons", root / "lessons"),
        Part("/museum", Path(sources.MUSEUM), "Museum", Path(sources.MUSEUM)),
        Part("/docs", root / "docs", "Documents", root / "docs"),
    )


@dataclass(slots=True)
class Site:
    """What is being made: the repository at `root`, the site at `out`, its parts, and which file each address is."""

    root: Path
    out: Path
    parts: tuple[Part, ...]
    files: dict[str, str] = field(default_factory=dict)
    origins: dict[str, Path] = field(default_factory=dict)


def build_site(root: Path, out: Path, say: Callable[[str], None] = print) -> int:
    """Write the site of the repository at `root` into `out`, anew; return how many pages it has. Raises KitError."""
    if out.exists() and not (out / "index.html").exists() and any(out.iterdir()):
        raise KitError(f"{out} is no site of ours, and is not empty: name another folder.")
    shutil.rmtree(out, ignore_errors=True)
    made = out / ".made"
    write_home(root, made / "home")
    write_lessons(root, made / "lessons")
    site = Site(root, out, parts_of(root, made))
    for part in site.parts:
        # The application lists the pages of a folder that has no entrance.
        for path in {"/", *(page.path for page in sources.contents.__wrapped__(str(part.folder)))}:
            address, name = f"{part.mount}{path}", f"{path}index.md" if path.endswith("/") else f"{path}.md"
            site.files[address] = _file_of(address)
            site.origins[address] = part.original / name.lstrip("/")
            part.pages.append(path)
    report = _draw_report(site)
    for part in site.parts:
        say(f"{part.name}: {_freeze(site, part)} pages")
    say(f"Report: drawn from {report}")
    _copy_static(out)
    shutil.rmtree(made)
    return len(site.files)


def _file_of(address: str) -> str:
    """Return the file that stands for an address."""
    return f"{address}index.html".lstrip("/") if address.endswith("/") else f"{address}.html".lstrip("/")


def _freeze(site: Site, part: Part) -> int:
    with _showing(part.folder):
        for path in part.pages:
            address = f"{part.mount}{path}"
            soup = BeautifulSoup(_asked(part, path), "html.parser")
            _dress(site, soup, part, address)
            _relink(site, soup, address)
            file = site.out / site.files[address]
            file.parent.mkdir(parents=True, exist_ok=True)
            file.write_text(str(soup), "utf-8")
    return len(part.pages)


@contextmanager
def _showing(folder: Path) -> Iterator[None]:
    """Have the application show this folder."""
    before = os.environ.get("DEMO_APP_CONTENT")
    os.environ["DEMO_APP_CONTENT"] = str(folder)
    sources.contents.cache_clear()
    try:
        yield
    finally:
        if before is None:
            del os.environ["DEMO_APP_CONTENT"]
        else:
            os.environ["DEMO_APP_CONTENT"] = before
        sources.contents.cache_clear()


def _asked(part: Part, path: str) -> str:
    """Return a page as the application serves it; a gateway of its own is not needed for that. Raises KitError."""
    said: list[str] = []
    environ: dict[str, Any] = {
        "REQUEST_METHOD": "GET", "SCRIPT_NAME": part.mount, "PATH_INFO": path, "QUERY_STRING": "",
        "SERVER_NAME": "site", "SERVER_PORT": "80", "SERVER_PROTOCOL": "HTTP/1.1",
        "wsgi.version": (1, 0), "wsgi.url_scheme": "http",
        "wsgi.input": io.BytesIO(), "wsgi.errors": sys.stderr, "wsgi.multithread": False, "wsgi.multiprocess": False,
        "wsgi.run_once": False,
    }  # fmt: skip

    def start_response(status: str, _fields: object, _error: object = None, /) -> Callable[[bytes], object]:
        said.append(status)
        return said.append  # type: ignore[return-value]  # pages are not written with write()

    content = b"".join(demo_app.app(environ, start_response))
    if said != [OK]:
        raise KitError(f"{part.name} has a page {path} that the application answers with {said[0]}.")
    return content.decode()


def _dress(site: Site, soup: BeautifulSoup, part: Part, address: str) -> None:
    """Give a page the menu of the site, and take away what only a server can do."""
    menu = soup.select_one("header.site nav ul")
    assert menu, "the application's pages have a menu"
    menu.clear()
    links = [(f"{one.mount}/", one.name, one is part) for one in site.parts] + [("/report/", "Report", False)]
    for target, name, here in links:
        item, link = soup.new_tag("li"), soup.new_tag("a", href=target)
        link.string = name
        if here:
            link["aria-current"] = "page" if target == address else "true"
        item.append(link)
        menu.append(item)
    brand = soup.select_one("header.site a.brand")
    assert brand, "and a name that leads home"
    brand["href"] = "/"
    for text in (*brand.find_all(string=re.compile(MUSEUM)), *soup.select("title")[0].find_all(string=True)):
        text.replace_with(str(text).replace(MUSEUM, NAME))
    for footer in soup.select("body > footer"):
        footer.decompose()


def _relink(site: Site, soup: BeautifulSoup, address: str) -> None:
    """Make every link of a page lead to a file of the site."""
    for tag in soup.select("[href], [src]"):
        name = "href" if tag.has_attr("href") else "src"
        target, fragment = urldefrag(str(tag[name]))
        if not target or (tag.name == "a" and urlsplit(target).scheme):
            continue
        if urlsplit(target).scheme:
            raise KitError(f"{site.origins[address]} loads {target} from elsewhere; the site needs no network.")
        found = _target(site, address, target)
        if found is not None:
            here = posixpath.dirname(f"/{site.files[address]}")
            tag[name] = posixpath.relpath(f"/{found}", here) + (f"#{fragment}" if fragment else "")
        elif tag.name == "a":
            _unlink(site, tag, address, target)
        else:
            raise KitError(f"{site.origins[address]} shows {target}, which is not there.")


def _target(site: Site, address: str, link: str) -> str | None:
    """Return the file of the site that a link leads to; None if there is none. A picture is copied."""
    path = urlsplit(link).path
    if path.startswith("/static/"):
        return path.lstrip("/")
    if path == "/report/":
        return "report/index.html"
    whole = posixpath.normpath(posixpath.join(posixpath.dirname(address + "x"), path))
    whole += "/" if path.endswith("/") and whole != "/" else ""
    for known in (whole, f"{whole}/", f"{whole.removesuffix('README')}"):
        if known in site.files:
            return site.files[known]
    for part in site.parts:  # below another mount, the application says where its static files are
        if part.mount and whole.startswith(f"{part.mount}/static/"):
            return whole.removeprefix(part.mount).lstrip("/")
    picture = (site.origins[address].parent / path).resolve()
    if picture.suffix in PICTURES and picture.is_relative_to(site.root) and picture.is_file():
        file = f"pictures/{picture.relative_to(site.root).as_posix()}"
        (site.out / file).parent.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(picture, site.out / file)
        return file
    return None


def _unlink(site: Site, tag: Tag, address: str, target: str) -> None:
    """Make a link to what is not in the site plain text, with the path in the repository to hover over."""
    file = (site.origins[address].parent / urlsplit(target).path).resolve()
    inside = file.relative_to(site.root).as_posix() if file.is_relative_to(site.root) else target
    tag.name = "span"
    del tag["href"]
    tag["title"] = f"{inside}, in the repository"


def _copy_static(out: Path) -> None:
    for name, asset in assets.table().items():
        (out / "static").mkdir(exist_ok=True)
        (out / "static" / name).write_bytes(asset.content)


def _draw_report(site: Site) -> str:
    """Draw the last run of the bench on this machine, or else the run that the repository keeps. Return which."""
    last = site.root / "results" / "latest"
    record = last if (last / "result.json").exists() else site.root / "benchmarks" / "results" / "evolution.json"
    folder = site.out / "report"
    command = [sys.executable, "-m", "gateway_bench", "draw", str(record), "--out", str(folder)]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    if done.returncode or not (folder / "report.html").exists():
        raise KitError(f"The report of {record} cannot be drawn: {done.stderr.strip() or done.stdout.strip()}")
    (folder / "report.html").rename(folder / "index.html")
    return str(record.relative_to(site.root))
