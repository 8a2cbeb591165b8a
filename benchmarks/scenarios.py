"""The bench's visitors for locust by itself: its web page, its ramps, its master and workers.

    locust -f benchmarks/scenarios.py --host http://127.0.0.1:8000
    locust -f benchmarks/scenarios.py --host fastcgi://127.0.0.1:9000 --headless -u 4 -t 10s Page

The address says which protocol they speak: http, fastcgi, scgi or uwsgi, each also as fastcgi+unix:/PATH. Paths,
forms and checks are those of the bench, from `gateway_bench.load.scenarios`.
"""

from __future__ import annotations

from gateway_bench.load.scenarios import SCENARIOS
from gateway_bench.load.users import GatewayUser


class Hello(GatewayUser):
    """Asks for /hello."""

    abstract = False
    weight = 6
    scenario = SCENARIOS["hello"]


class Page(GatewayUser):
    """Reads a page."""

    abstract = False
    weight = 3
    scenario = SCENARIOS["page"]


class Guestbook(GatewayUser):
    """Signs the guestbook, then reads it."""

    abstract = False
    weight = 1
    scenario = SCENARIOS["guestbook"]
