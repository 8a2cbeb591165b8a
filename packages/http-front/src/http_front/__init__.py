"""HTTP in; HTTP, FastCGI, SCGI or uwsgi out: what nginx does, small enough to read."""
