"""The points of the method, in the order of `benchmarks/README.md`."""

from __future__ import annotations

from gateway_bench.method import chance, difference, kept, omission, questions, record, rounding, suspect, wrong
from gateway_bench.proofs.run import Promise

__all__ = ["PROMISES"]

PROMISES = (
    Promise("difference", "One difference", "a gateway, directly and behind a front", difference.prove, 22, 3),
    Promise("questions", "Two questions", "capacity, and the wait at a rate", questions.prove, 50, 7),
    Promise("omission", "A stall", "200 ms at every 500th request, in two loops", omission.prove, 13, 4),
    Promise("rounding", "Rounding", "the same latencies, as two kinds of statistics keep them", rounding.prove, 11, 3),
    Promise("suspect", "One server, three generators", "whose figure is it?", suspect.prove, 29, 5),
    Promise("chance", "One server, against itself", "what no difference looks like", chance.prove, 33, 2),
    Promise("wrong", "Wrong answers", "to one in three, and quickly", wrong.prove, 12, 2),
    Promise("record", "One measurement", "as the record has it", record.prove, 5, 2),
    Promise("kept", "Killed runs", "what is kept of them, and what is left", kept.prove, 41, 11),
)
