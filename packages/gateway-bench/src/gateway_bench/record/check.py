"""Is a file what it says it is? A record is held to the published JSON Schema before anybody reads a figure of it."""

from __future__ import annotations

import json
from functools import cache
from pathlib import Path
from typing import Any

from gateway_bench.errors import BenchError

__all__ = ["SCHEMAS", "check"]

SCHEMAS = {1: "result-1.schema.json", 2: "result.schema.json"}
"""By version. The first is that of records which are brought up to date when they are read."""
SHORT = 60
"""Characters of a wrong value that are shown."""


def check(content: Any, version: int, path: Path) -> None:
    """Do nothing if content fits the schema of that version. Raises BenchError, which names the first wrong place."""
    from jsonschema.exceptions import best_match  # late: only who reads a record needs it

    first = next(_validator(version).iter_errors(content), None)
    if first is None:
        return
    error = best_match([first])  # of "this or null" the part that says what is wrong
    place = error.json_path.removeprefix("$.") if error.path else "the top"
    raise BenchError(f"{path} is damaged, or no record of schema version {version}: at {place}, {_complaint(error)}")


def _complaint(error: Any) -> str:
    if error.validator in ("required", "additionalProperties", "unevaluatedProperties"):
        return str(error.message)  # which names the property, and does not repeat the whole object
    value = json.dumps(error.instance)
    shown = value if len(value) <= SHORT else f"{value[:SHORT]}..."
    return f"{shown} does not fit: {error.validator} {json.dumps(error.validator_value)[:SHORT]}"


@cache
def _validator(version: int) -> Any:
    from jsonschema import Draft202012Validator

    return Draft202012Validator(json.loads(Path(__file__).with_name(SCHEMAS[version]).read_text("utf-8")))
