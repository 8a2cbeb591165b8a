"""The bench looks at itself: why each point of its method is needed, shown on the machine that it stands on.

A point a module, each with a function `prove(ground)` as in `gateway_bench.proofs`; its readings are what its chart is
drawn from. `benchmarks/README.md` explains the points in this order:

- ``difference``: one gateway, directly and behind a front
- ``questions``: how long visitors wait at a rate, and what is found of servers of which everything is known;
  ``omission``: a server that stalls, in a closed loop and in an open one
- ``rounding``: the same latencies as locust's own statistics keep them (``rounded``, a process of its own)
- ``suspect``: one server, three generators: requests a second, and the server's CPU for a request
- ``chance``: one server against itself
- ``wrong``: a server that answers wrongly
- ``record``: one measurement, as the record has it
- ``kept``: runs that are killed

``servers`` are small ones whose behaviour is known beforehand, ``asking`` is how all of them are loaded, and ``table``
lists the points.
"""
