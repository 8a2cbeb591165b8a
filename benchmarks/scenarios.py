"""The bench's visitors for locust by itself: its web page, its shapes, its master and workers.

    locust -f benchmarks/scenarios.py --host http://127.0.0.1:8000
    locust -f benchmarks/scenarios.py --host fastcgi://127.0.0.1:9000 --headless -u 4 -t 10s Page
    locust -f benchmarks/scenarios.py --host http://127.0.0.1:8000 --headless -u 40 -t 60s --shape ramp Hello
    locust -f benchmarks/scenarios.py --host http://127.0.0.1:8000 --class-picker

The address says which protocol they speak: http, fastcgi, scgi or uwsgi, each also as fastcgi+unix:/PATH. Paths,
forms and checks are those of the bench, from `gateway_bench.load.scenarios`.

Locust's shapes rule the number of *users*, who each ask again as soon as they are answered: a closed loop. The bench's
own (`gateway_bench.load.shapes`, which these follow) rule the rate of visits, and so can show how long visitors wait.

Locust runs the first shape that it finds in a file, wanted or not. So these are marked abstract, which hides them from
that search; `--shape` chooses one, and `--class-picker` offers all of them on the web page.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, ClassVar

from locust import LoadTestShape, events

from gateway_bench.load.scenarios import SCENARIOS
from gateway_bench.load.shapes import Shape, ramp, rate_at, spike, step
from gateway_bench.load.users import GatewayUser

USERS = 20
SECONDS = 60.0
"""What stands for locust's own --users and --run-time where they are not given."""
AT_ONCE = 100.0
"""Users started or stopped a second: a shape says how many there are to be, and locust is to follow it at once."""
LEVELS = 5
QUIET = 10
"""Before and after a spike there is one user for so many of its own."""


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


class Journey(GatewayUser):
    """Comes in, reads two exhibits, signs the guestbook."""

    abstract = False
    weight = 1
    scenario = SCENARIOS["journey"]


class Followed(LoadTestShape):
    """Follows a shape of the bench, in users: up to --users, over --run-time."""

    abstract = True
    use_common_options = True

    followed: ClassVar[Callable[[float, float], Shape]]
    """Makes the shape of a number of users and of seconds; its rates are read as numbers of users."""

    def tick(self) -> tuple[int, float] | None:
        """Return how many users there are to be now; None at the end. Locust asks once a second."""
        assert self.runner
        options: Any = self.runner.environment.parsed_options
        shape = self.followed(float(options.num_users or USERS), float(options.run_time or SECONDS))
        passed: float = self.get_run_time()  # type: ignore[no-untyped-call]  # locust's own gap
        if passed >= shape["seconds"]:
            return None
        return max(1, round(rate_at(shape, passed))), AT_ONCE


class StepShape(Followed):
    """Five levels, equally high and equally long."""

    abstract = True
    followed = staticmethod(lambda users, seconds: step(users / LEVELS, users, LEVELS, seconds))


class SpikeShape(Followed):
    """A tenth of the users, then at once all, then a tenth again."""

    abstract = True
    followed = staticmethod(lambda users, seconds: spike(users / QUIET, users, seconds))


class RampShape(Followed):
    """From one user to all, evenly: until it breaks."""

    abstract = True
    followed = staticmethod(lambda users, seconds: ramp(1, users, seconds))


SHAPES: dict[str, type[Followed]] = {"step": StepShape, "spike": SpikeShape, "ramp": RampShape}


def add_shape_option(parser: Any, **_: Any) -> None:
    """Teach locust's command line `--shape`, and its environment the same as GATEWAY_BENCH_SHAPE."""
    parser.add_argument(
        "--shape",
        choices=["", *SHAPES],
        default="",
        env_var="GATEWAY_BENCH_SHAPE",
        include_in_web_ui=False,  # there it is among the classes to pick
        help="How the number of users changes: step, spike or ramp, up to --users within --run-time",
    )


def choose_shape(environment: Any, **_: Any) -> None:
    """Give locust the shape that was asked for, and its web page all of them."""
    environment.available_shape_classes = {shape.__name__: shape() for shape in SHAPES.values()}
    chosen = environment.parsed_options.shape if environment.parsed_options else ""
    if chosen:
        environment.shape_class = environment.available_shape_classes[SHAPES[chosen].__name__]
        environment.shape_class.runner = environment.runner


for event, listener in ((events.init_command_line_parser, add_shape_option), (events.init, choose_shape)):
    event.add_listener(listener)  # type: ignore[no-untyped-call]  # locust's own gap
