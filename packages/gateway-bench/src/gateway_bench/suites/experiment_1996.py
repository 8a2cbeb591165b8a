"""The suite `1996`: what FastCGI's own paper measured, taken apart. Is it the protocol, or that somebody stays alive?

M. R. Brown, "Understanding FastCGI Application Performance" (Open Market, 10 June 1996), set a FastCGI application
that keeps a cache beside one in the web server's own process that keeps nothing, and found a factor of three. Two more
of its measurements change one thing at a time; from the four follow three differences::

    FastCGI, cache kept         12.0 ms --.
                                          |  8.1  the cache
    FastCGI, database kept      20.1 ms --'
                                          |  4.1  the wire
    in the server, database kept 16.0 ms -'--.
                                             | 20.6  opening the database
    in the server, nothing kept 36.6 ms -----'

Here every wire meets every kind of keeping, so each difference is found several times, and CGI is there too, which the
paper left out. The figure is *processor time of server and front for a request*: on the one machine of 1996, which was
busy to the brim, a request a second was the same thing the other way round; and it depends on neither the generator nor
the number of processors. The differences are taken round by round.

What is not as it was. The database is SQLite, a file: nobody logs in, so opening it costs less. The front and the
server API are our own, in Python, so a wire costs more of a request than between two programs in C; two rows with nginx
in place of our front set the scale. Front and API read HTTP with the same code, so the difference is the wire. Behind
FastCGI, server and front have a processor each, and the server is not full; in the server's own process it is, and
there requests come in bunches, which makes each of them a little cheaper: the wire looks a little dearer than it is.

What decoding the wire takes of its cost is known apart: `decode` in the suite `proofs` times the codec alone.

With four workers each has a cache of its own, and a visitor comes to another one each time (connections are dealt out
in turn), as the paper says of servers with a pool of processes. What four workers cost by themselves is in the row
without a cache. The paper's session affinity, which keeps a visitor with one process, no front here has.
"""

from __future__ import annotations

from gateway_bench.report import charts_1996
from gateway_bench.suites.suite import Pace, Suite

__all__ = ["SUITE"]

SUITE = Suite(
    name="1996",
    question="Is it the protocol or the persistence? FastCGI's own measurement of 1996, taken apart.",
    title="The protocol or the persistence? The measurement of 1996, taken apart",
    table="1996.toml",
    scenarios=("personal", "checked"),
    full=Pace(users=10, warmup=0.6, seconds=1.2, repeats=5),
    quick=Pace(users=10, warmup=0.3, seconds=0.5, repeats=1, least=8, most=4.0),
    pinned=True,
    charts={
        "rows": charts_1996.draw_rows_of_1996,
        "ratios": charts_1996.draw_ratios,
        "parts": charts_1996.draw_parts,
    },
    captions={
        "rows": "Processor time of the server and of what stands before it. In the server's own process nothing stands "
        "before it. A process for each request can keep nothing, whoever carries the request.",
        "ratios": "All figures of a year over that year's FastCGI with a cache. In 1996: M. R. Brown, Understanding "
        "FastCGI Application Performance, Open Market, 10 June 1996, section 5.4: elapsed time for each request of a "
        "full machine. Here: processor time of server and front.",
        "parts": "Each mark is a difference between two rows of the chart above, taken round by round; the same step "
        "was measured over each wire.",
    },
    findings=(
        charts_1996.persistence_finding,
        charts_1996.process_finding,
        charts_1996.paper_finding,
        charts_1996.spread_finding,
    ),
    kept=("ratios", "parts"),
)
