"""The uwsgi protocol for WSGI applications, both roles."""
