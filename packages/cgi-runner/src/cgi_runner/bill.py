"""The bill: where did a request's time go?

::

    python -m cgi_runner --bill --app demo_app:app --path /hello
    python -m cgi_runner --app demo_app:app --server-timing

CGI is slow, everybody knows; few know where. Of a Python application nearly all of the time goes into getting ready,
and most of that into imports. So each request can be given a bill, from moments on both sides of the process boundary.

Read in this order:

1. `bill_parts`: what the parts are, and how moments become parts that add up.
2. `bill_stamps` and `bill_start`: the program's side, in every process that is billed.
3. `bill_account`: the server's side. `bill_watch`: which programs can tell their part.
4. `bill_target`, `bill_measure`: several requests of the same kind. `bill_cost`: what the bill itself costs.
5. `bill_table`, `bill_chart`, `bill_command`: to be looked at.
"""

from __future__ import annotations

from .bill_account import Account, Ledger
from .bill_cost import Cost, bill_cost
from .bill_measure import Measured, compare, measure
from .bill_parts import Bill
from .bill_target import MeasureError, Target

__all__ = [
    "Account", "Bill", "Cost", "Ledger", "MeasureError", "Measured", "Target",
    "bill_cost", "compare", "measure",
]  # fmt: skip
