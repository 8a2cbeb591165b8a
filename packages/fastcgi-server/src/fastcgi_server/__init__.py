"""FastCGI 1.0 for WSGI applications, both roles."""
