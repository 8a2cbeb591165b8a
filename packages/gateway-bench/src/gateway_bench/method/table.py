"""The points of the method, in the order of `benchmarks/README.md`."""

from __future__ import annotations

from gateway_bench.method import chance, difference, kept, omission, questions, record, rounding, suspect, wrong
from gateway_bench.proofs.run import Promise

__all__ = ["PROMISES"]

PROMISES = (
    Promise("difference", "One difference", "a gateway, directly and behind a front", difference.prove, 25, 4),
    Promise("questions", "Two questions", "capacity, and the wait at a rate", questions.prove, 55, 6),
    Promise("omission", "A stall", "200 ms at every 500th request, in two loops", omission.prove, 18, 6),
    Promise("rounding", "Rounding", "the same latencies, as two kinds of statistics keep them", rounding.prove, 12, 4),
    Promise("suspect", "One server, three generators", "whose figure is it?", suspect.prove, 32, 9),
    Promise("chance", "One server, against itself", "what no difference looks like", chance.prove, 40, 2),
    Promise("wrong", "Wrong answers", "to one in three, and quickly", wrong.prove, 11, 2),
    Promise("record", "One measurement", "as the record has it", record.prove, 6, 3),
    Promise("kept", "Killed runs", "what is kept of them, and what is left", kept.prove, 40, 12),
)
