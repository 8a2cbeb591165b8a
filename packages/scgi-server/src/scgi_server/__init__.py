"""SCGI for WSGI applications, both roles."""
