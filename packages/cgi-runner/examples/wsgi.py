#!/usr/bin/env python3
"""A WSGI application as a CGI program: three lines, under any web server."""

from cgi_runner.child import run
from demo_app import app

run(app)
