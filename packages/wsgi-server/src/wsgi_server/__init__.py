"""HTTP/1.1 in front of WSGI: a small, strict, fast server in pure Python."""
