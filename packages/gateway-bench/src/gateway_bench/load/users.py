"""Locust's side of the load: a user class for each protocol.

A locust user runs its task, here one visit, again and again. By itself it makes no pause: a *closed loop*. The next
request waits for the last answer, so a slow gateway is asked less often, and what comes out is capacity, not how long
visitors wait at a given rate. For that the load engine (`gateway_bench.load.locust_load`) tells each visitor when its
next visit is due, and takes the latency from then on.

Locust replaces Python's blocking calls by cooperative ones when it is imported. So this module and those that
import it belong to the load process and to locust files, and to nothing else in this package.
"""

from __future__ import annotations

import itertools
import time
from typing import Any

import gevent
from locust import User, task

from gateway_bench.load.address import Address, parse_address
from gateway_bench.load.scenarios import SCENARIOS, Scenario
from gateway_bench.load.visitor import Failure, Visitor

__all__ = ["USER_CLASSES", "FastCgiUser", "GatewayUser", "HttpUser", "ScgiUser", "UwsgiUser"]

BACK_OFF = 0.05
"""Seconds that a visitor waits after a failure: a server that refuses everything must not become a spin loop."""

numbers = itertools.count(1)
"""Of visitors. A worker of a team counts from elsewhere, so that no two of the whole team are called the same."""


class GatewayUser(User):
    """Makes visits of one scenario to `host`, an address such as `fastcgi://127.0.0.1:9000`.

    With the `scheme` "" it speaks whatever the address says. Raises ValueError for another scheme than its own.
    """

    abstract = True
    scheme = ""
    scenario: Scenario = SCENARIOS["hello"]
    keep_alive = True
    back_off = BACK_OFF

    def __init__(self, environment: Any) -> None:
        super().__init__(environment)
        self._address: Address = parse_address(self.host or environment.host or "")
        if self.scheme and self._address.scheme != self.scheme:
            raise ValueError(f"{type(self).__name__} speaks {self.scheme}, not {self._address.scheme}")
        self._number = next(numbers)
        self._visits = itertools.count(1)
        self._visitor = Visitor(self._address, self.keep_alive)

    def on_stop(self) -> None:
        """Close the connection when locust stops this user."""
        self._visitor.close()

    def before_visit(self) -> int:
        """Return when the visit is due, by `time.perf_counter_ns`: now. The load engine has its own answer."""
        return time.perf_counter_ns()

    def count(self, name: str, began: int, ended: int, size: int, failure: Failure | None) -> None:
        """Tell locust of one request."""
        self.environment.events.request.fire(
            request_type=self._address.scheme,
            name=name,
            response_time=(ended - began) / 1e6,  # locust counts in milliseconds
            response_length=size,
            exception=failure,
            context={},
        )

    @task
    def visit(self) -> None:
        """Make one visit: each exchange of the scenario in turn, ending at the first failure."""
        began = self.before_visit()
        for exchange in self.scenario.visit(f"{self._number}-{next(self._visits)}"):
            failure, size = None, 0
            try:
                answer = self._visitor.fetch(exchange)
                ended = time.perf_counter_ns()
                complaint = exchange.check(answer)
                size = len(answer.content)
                failure = Failure(complaint) if complaint else None
            except Failure as error:
                ended = time.perf_counter_ns()
                failure = error
            self.count(exchange.name, began, ended, size, failure)
            if failure:
                gevent.sleep(self.back_off)
                return
            began = time.perf_counter_ns()


class HttpUser(GatewayUser):
    """Speaks HTTP/1.1, over one connection where the server keeps it."""

    abstract = True
    scheme = "http"


class FastCgiUser(GatewayUser):
    """Speaks FastCGI with FCGI_KEEP_CONN: many requests over one connection, one at a time."""

    abstract = True
    scheme = "fastcgi"


class ScgiUser(GatewayUser):
    """Speaks SCGI: a connection a request."""

    abstract = True
    scheme = "scgi"


class UwsgiUser(GatewayUser):
    """Speaks uwsgi: a connection a request."""

    abstract = True
    scheme = "uwsgi"


USER_CLASSES: dict[str, type[GatewayUser]] = {
    user_class.scheme: user_class for user_class in (HttpUser, FastCgiUser, ScgiUser, UwsgiUser)
}
"""By scheme."""
