"""One promise a module, each with a function `prove(ground)` that returns what it found.

- ``ground``: what they stand on: a server, a crowd, readings; ``visitors``: many requests at once
- ``idle``: what open connections cost that say nothing
- ``slow``: ten thousand that send a byte a second
- ``big``: a GiB up and down
- ``bodies``: the same over every protocol, and through the front
- ``interleaved``: a hundred requests at once on one FastCGI connection
- ``held``: five hundred held by one backend behind the front
- ``decode``: what each codec takes for a request of nginx
- ``spawned``: twenty thousand requests of every kind to a CGI host
- ``children``: two hundred programs under it at once
- ``bill``: whether a bill's parts add up, and what it costs
- ``million``: a million requests, and what stays behind
- ``workers``: two workers against one
- ``reload``: new code, and a new program, under full load
- ``kill``: a worker killed each second
- ``table``: all of them, by name; ``run``: one after the other, into one record
"""
