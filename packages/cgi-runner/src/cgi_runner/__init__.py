"""CGI/1.1 (RFC 3875), both sides: a host that starts a program for each request, and a WSGI app as such a program."""
