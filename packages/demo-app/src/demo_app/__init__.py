"""One WSGI application that every gateway of this repository can serve, unchanged.

It is a real small site, a museum and handbook of the protocols that it is served over, and a bench
of experiment endpoints. It knows nothing of any server: all that it has is PEP 3333.

Contents
--------
========================  ====================================================================
``app``                   the WSGI callable, named on a server's command line: ``demo_app:app``
========================  ====================================================================

Inside, from the call down to the bytes of an answer:

- ``router``: which handler answers which path and method
- ``exchange``: what a handler is given, and the few ways to answer or to refuse
- ``pages``, ``sources``, ``layout``: from a Markdown file to an HTML page, rendered once and kept
- ``figures``, ``wire``, ``history``: what the museum shows, as data
- ``guestbook``, ``store``: the part with a memory, in SQLite
- ``experiments``, ``bodies``, ``forms``: the endpoints that echo, stream, sleep, burn, leak and crash
- ``assets``: the style sheet and the pictures
- ``served``: what this process knows of itself, shown at the foot of every page

Settings come from the environment: ``DEMO_APP_CONTENT`` (a folder of Markdown to show in place of
the museum) and ``DEMO_APP_DB`` (the guestbook's file).
"""

# First, because its clock starts when it is imported: the rest takes a tenth of a second.
import demo_app.served  # noqa: F401
from demo_app.router import app

__all__ = ["app"]
