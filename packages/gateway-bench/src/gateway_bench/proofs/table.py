"""The promises of the suite `proofs`, in the order of the tables."""

from __future__ import annotations

from gateway_bench.proofs import (
    big,
    bill,
    bodies,
    children,
    cost,
    decode,
    held,
    idle,
    interleaved,
    kill,
    million,
    reload,
    slow,
    spawned,
    workers,
)
from gateway_bench.proofs.run import Promise

__all__ = ["PROMISES"]

PROMISES = (
    Promise("idle", "Idle connections", "what up to 10,000 of them cost", idle.prove, 240, 30),
    Promise("slow", "Slow senders", "10,000 connections that send one byte a second", slow.prove, 75, 8),
    Promise("big", "Big content", "1 GiB up, 1 GiB down", big.prove, 40, 3),
    Promise("million", "A million requests", "what stays behind of each", million.prove, 60, 4),
    Promise("workers", "Two workers", "over one, at work that takes the processor", workers.prove, 60, 4),
    Promise("reload", "Reload and upgrade", "HUP and USR2 under full load", reload.prove, 60, 10),
    Promise("bodies", "Bodies everywhere", "1 GiB each way over each protocol and the front", bodies.prove, 60, 8),
    Promise("interleaved", "Interleaved requests", "100 on one FastCGI connection", interleaved.prove, 9, 9),
    Promise("held", "Held requests", "500 of them, beside a fast backend behind the front", held.prove, 35, 6),
    Promise("decode", "Decoding", "a request of nginx, from bytes to an event", decode.prove, 5, 1),
    Promise("spawned", "Programs of every kind", "20,000 CGI requests: what is left?", spawned.prove, 70, 15),
    Promise("children", "200 programs at once", "the CGI host's own memory", children.prove, 10, 4),
    Promise("bill", "The bill", "of a CGI request: its sum, and its cost", bill.prove, 30, 8),
    Promise("cost", "The harness itself", "recording and sampling at 1,000 requests a second", cost.prove, 35, 4),
    Promise("kill", "Killed workers", "one each second: only what was in flight in it fails", kill.prove, 75, 6),
)
