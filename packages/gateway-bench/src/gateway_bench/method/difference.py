"""Same application, same engine, one difference: a gateway asked directly, and behind our front.

What a front costs is in an account of its own. If it were not, whoever needs one to be reached would look dearer than
whoever does not; and a gateway behind a front could hide its cost there.
"""

from __future__ import annotations

import random
from statistics import median

from gateway_bench.method.asking import accounted, generator, sound, warmup_of
from gateway_bench.proofs.ground import Findings, Ground

__all__ = ["prove"]

ROUNDS, SECONDS = 5, 1.5
QUICK_ROUNDS, QUICK_SECONDS = 1, 0.2
USERS = 4
"""As in the suite `evolution`."""
DIRECT, BEHIND = "direct", "behind"


def prove(ground: Ground) -> Findings:
    """Return CPU for a request: `server-direct`, `server-behind`, and `front`."""
    found, dice = Findings(), random.Random(1)  # noqa: S311  # an order, not a secret
    rounds, seconds = (QUICK_ROUNDS, QUICK_SECONDS) if ground.quick else (ROUNDS, SECONDS)
    warmup = warmup_of(ground)
    with (
        ground.server("--workers", "1", module="fastcgi_server") as server,
        ground.server("--to", str(server.address), app="", module="http_front", apart=False) as front,
        generator() as load,
    ):
        trees = {"server": server.tree, "front": front.tree}
        addresses = {DIRECT: server.address, BEHIND: front.address}
        for number in range(1, rounds + 1):
            for way in dice.sample(sorted(addresses), 2):
                ground.doing(f"difference: FastCGI, {way}")
                told, cpu = accounted(load, addresses[way], trees, users=USERS, seconds=seconds, warmup=warmup)
                requests = sound(told)["requests"]
                found.readings.append({
                    "round": number, "way": way, "requests": requests, "seconds": round(told["seconds"], 4),
                    "server_us": round(1e6 * cpu["server"] / requests, 2),
                    "front_us": round(1e6 * cpu["front"] / requests, 2) if way == BEHIND else 0.0,
                })  # fmt: skip
    for name, way, part in (
        ("server-direct", DIRECT, "server_us"),
        ("server-behind", BEHIND, "server_us"),
        ("front", BEHIND, "front_us"),
    ):
        about = f"CPU of the {part.removesuffix('_us')} for a request, asked {'directly' if way == DIRECT else 'there'}"
        found.add(name, median(float(row[part]) for row in found.readings if row["way"] == way), "us", about)
    return found
