"""Which file a FastCGI server such as php-fpm is to run: SCRIPT_FILENAME, and what belongs to it.

php-fpm runs the file that SCRIPT_FILENAME names, whatever that is. So the front decides, and only for a file that is
there, has the right ending, and lies below the root::

    /srv/www + /blog/post.php/2026/11       SCRIPT_NAME      /blog/post.php
                                            SCRIPT_FILENAME  /srv/www/blog/post.php
                                            PATH_INFO        /2026/11
                                            PATH_TRANSLATED  /srv/www/2026/11
    /blog/                                  the same for /blog/index.php
    /upload/cat.jpg/x.php                   404: a picture is not run (cgi.fix_pathinfo)
    /index.php%0a                           404: no name has a newline in it (CVE-2019-11043)

`must_exist=False` is for a server on another machine, whose files we do not see: then the first segment with the right
ending is the script.
"""

from __future__ import annotations

import os

from gateway_core.environ import Environ

from .paths import below, split

__all__ = ["Scripts"]


class Scripts:
    """Chooses the script for a request, below the folder `root`. `ending` is that of scripts, ".php"."""

    def __init__(self, root: str, ending: str = ".php", *, must_exist: bool = True) -> None:
        self._root = os.fsencode(root)
        self._ending = os.fsencode(ending)
        self._must_exist = must_exist

    def choose(self, environ: Environ) -> Environ | None:
        """Return the environ with the variables of the script that the path names; None if it names none."""
        segments = split(environ["PATH_INFO"])
        if segments is None:
            return None
        if not segments[-1] and not any(segment.endswith(self._ending) for segment in segments):
            segments[-1] = b"index" + self._ending
        at = next((at for at, segment in enumerate(segments) if segment.endswith(self._ending)), None)
        if at is None:
            return None
        script, rest = segments[: at + 1], segments[at + 1 :]
        file: bytes | None = b"/".join([self._root, *script])
        root = self._root
        if self._must_exist:
            file, root = below(root, script), os.path.realpath(root)
            if file is None or not os.path.isfile(file):  # noqa: PTH113 - bytes
                return None
        assert file is not None
        path_info = b"".join([b"/" + segment for segment in rest])
        name = environ["SCRIPT_NAME"] + _text(b"".join([b"/" + segment for segment in script]))
        chosen = environ | {
            "SCRIPT_NAME": name,
            "SCRIPT_FILENAME": _text(file),
            "PATH_INFO": _text(path_info),
            "DOCUMENT_ROOT": _text(root),
            "DOCUMENT_URI": name + _text(path_info),
            "REDIRECT_STATUS": "200",  # php-cgi serves nobody who does not say that a web server has sent him
        }
        if path_info:
            chosen["PATH_TRANSLATED"] = _text(root + path_info)
        return chosen


def _text(data: bytes) -> str:
    return data.decode("latin-1")
