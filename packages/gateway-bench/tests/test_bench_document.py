"""The record: what is written is what the schema says, what is read is held to it, and tables are made from it."""

from __future__ import annotations

import copy
import csv
import io
import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import jsonschema
import pytest
from rich.console import Console

from bench_record_maker import made_up
from bench_world import ROOT
from gateway_bench.errors import BenchError
from gateway_bench.load import job, latency, shapes
from gateway_bench.record import document as types
from gateway_bench.record.check import SCHEMAS
from gateway_bench.record.csv_table import repeats_to_csv, to_csv
from gateway_bench.record.document import SCHEMA_VERSION, Document, load_document, save_document, schema_path
from gateway_bench.record.summary import results_of
from gateway_bench.samples.processes import Memory
from gateway_bench.terminal.tables import print_document

STORED = Path(__file__).parent / "data" / "evolution.json"
OLD = [STORED, *sorted((STORED.parent / "version-1").glob("*.json"))]
"""Records of version 1, as they were written."""
KEPT = sorted(path for path in (ROOT / "benchmarks/results").glob("*.json") if path.stem[:5] != "micro")
UNITS = {"us": "microsecond", "ms": "millisecond", "seconds": "second", "bytes": "byte", "rps": "a second"}


@pytest.fixture(scope="module")
def made() -> Document:
    return made_up()


@pytest.fixture
def document(made: Document) -> Document:
    return copy.deepcopy(made)


@pytest.fixture(scope="module")
def schema() -> Any:
    content = json.loads(schema_path().read_text("utf-8"))
    jsonschema.Draft202012Validator.check_schema(content)
    return content


@pytest.fixture(scope="module")
def fitting(schema: Any, made: Document) -> Any:
    """A document that fits the schema, as JSON knows it."""
    content = plain(made)
    jsonschema.Draft202012Validator(schema).validate(content)
    return content


def plain(document: Any) -> Any:
    """Return a document as JSON knows it."""
    return json.loads(json.dumps(document))


def put(document: Any, path: tuple[Any, ...], value: object) -> Any:
    """Put a value into a document that is plain, and return the document."""
    place = document
    for key in path[:-1]:
        place = place[key]
    place[path[-1]] = value
    return document


def write(path: Path, content: object) -> Path:
    path.write_text(content if isinstance(content, str) else json.dumps(content))
    return path


# -- the schema -----------------------------------------------------------------------------------------------------


def objects(schema: Any, name: str = "") -> Iterator[tuple[str, Any]]:
    """Give every part of a schema that describes an object with named properties."""
    if isinstance(schema, dict):
        if "properties" in schema and isinstance(schema["properties"], dict):
            yield name, schema
        for key, part in schema.items():
            yield from objects(part, key)


def test_the_schema_names_exactly_the_keys_of_the_types(schema: Any) -> None:
    pairs: dict[str, Any] = {
        "parameters": types.Parameters, "gateway": types.GatewayRecord, "scenario": types.ScenarioRecord,
        "latency": latency.Latency, "memory": Memory, "usage": types.Usage, "generator": types.Generator,
        "warmup": job.Warmup, "moment": job.Moment, "member": job.Member, "shape": shapes.Shape,
        "queue_wait": types.QueueWait,
        "repeat": types.Repeat, "syscalls": types.Syscalls, "noise": types.Noise, "failure": types.Failed,
        "estimate": types.Estimate, "result": types.Result, "band": types.Band, "ratio": types.Ratio,
        "figure": types.Figure, "proof": types.Proof, "verdict": types.Verdict,
    }  # fmt: skip
    assert set(schema["properties"]) == set(Document.__annotations__)
    assert set(pairs) | {"time", "errors"} == set(schema["$defs"])
    for name, type_ in pairs.items():
        keys = {key for base in reversed(type_.__mro__) for key in getattr(base, "__annotations__", {})}
        assert set(schema["$defs"][name]["properties"]) == keys, name


def test_what_may_be_none_may_be_null(schema: Any) -> None:
    for name, type_ in (("repeat", types.Repeat), ("result", types.Result), ("ratio", types.Ratio),
                        ("usage", types.Usage), ("gateway", types.GatewayRecord), ("noise", types.Noise)):  # fmt: skip
        for key, hint in type_.__annotations__.items():
            shown = hint if isinstance(hint, str) else hint.__forward_arg__
            nullable = '"null"' in json.dumps(schema["$defs"][name]["properties"][key])
            assert nullable == ("None" in shown), (name, key)


def test_the_schema_is_closed_stable_and_says_what_each_property_is(schema: Any) -> None:
    assert schema["$schema"] == "https://json-schema.org/draft/2020-12/schema"
    assert schema["$id"].endswith(f"/result-{SCHEMA_VERSION}.schema.json")
    assert schema["properties"]["schema_version"]["const"] == SCHEMA_VERSION
    for name, part in objects(schema):
        assert part["additionalProperties"] is False, name
        assert part["required"] == list(part["properties"]), name
        for key, property_ in part["properties"].items():
            assert property_.get("description"), (name, key)
            unit = UNITS.get(key.rpartition("_")[2], "")
            assert unit in property_["description"], (name, key)


@pytest.mark.parametrize("path", [*OLD, *KEPT], ids=lambda path: path.stem)
def test_what_is_read_of_a_record_fits_the_schema(schema: Any, path: Path) -> None:
    jsonschema.Draft202012Validator(schema).validate(plain(load_document(path)))


@pytest.mark.parametrize(
    ("path", "wrong"),
    [
        (("schema_version",), 3), (("suite",), "Best of!"), (("repeats", 0, "seconds"), 0),
        (("repeats", 0, "spawned"), -1), (("repeats", 0, "server", "memory", "kind"), "vms"),
        (("repeats", 0, "question"), "speed"), (("repeats", 0, "others_share"), 1.5),
        (("results", 0, "p50_us"), None), (("results", 0, "p50_us", "median"), "fast"), (("bands", 0, "low"), 0),
        (("gateways", 0, "status"), "maybe"), (("started",), "yesterday"), (("extra",), 1),
    ],
)  # fmt: skip
def test_the_schema_refuses(schema: Any, fitting: Any, path: tuple[Any, ...], wrong: object) -> None:
    assert not jsonschema.Draft202012Validator(schema).is_valid(put(copy.deepcopy(fitting), path, wrong))


# -- reading and writing --------------------------------------------------------------------------------------------


def test_round_trip(document: Document, tmp_path: Path) -> None:
    document["command"].append("caf\udce9")  # a word of a command line that was no UTF-8
    save_document(document, tmp_path / "result.json")
    document["command"][-1] = "caf?"
    assert load_document(tmp_path / "result.json") == plain(document)
    assert [path.name for path in tmp_path.iterdir()] == ["result.json"]


@pytest.mark.parametrize(
    ("content", "sentence"),
    [
        ("{", "is not JSON, or was cut off"), ("", "is not JSON"), ("[" * 100_000, "is not JSON"),
        ("[]", "is no record of a run, or has schema version None"), ("7", "is no record of a run"),
        ('{"schema_version": "2"}', "has schema version 2: this"), ('{"schema_version": true}', "version True"),
        ('{"schema_version": 0}', "has schema version 0: this program reads versions 1 and 2$"),
        ('{"schema_version": 99}', "has schema version 99: .*; a newer gateway-bench reads it"),
        ('{"schema_version": 2}', "no record of schema version 2: at the top, 'suite' is a required property"),
        ('{"schema_version": 1}', "no record of schema version 1: at the top, 'suite' is a required property"),
    ],
)  # fmt: skip
def test_a_file_that_is_no_record_is_refused_in_one_sentence(tmp_path: Path, content: str, sentence: str) -> None:
    with pytest.raises(BenchError, match=sentence):
        load_document(write(tmp_path / "result.json", content))


def test_a_file_that_cannot_be_read_is_refused_in_one_sentence(tmp_path: Path) -> None:
    with pytest.raises(BenchError, match="No such file"):
        load_document(tmp_path / "none.json")
    with pytest.raises(BenchError, match="Is a directory"):
        load_document(tmp_path)
    (tmp_path / "bytes.json").write_bytes(b"\x89PNG\xff")
    with pytest.raises(BenchError, match="is not JSON"):
        load_document(tmp_path / "bytes.json")


@pytest.mark.parametrize("length", [0, 1, 100, 10_000, -2])
def test_a_record_that_was_cut_off_is_refused(document: Document, tmp_path: Path, length: int) -> None:
    save_document(document, tmp_path / "result.json")
    (tmp_path / "result.json").write_bytes((tmp_path / "result.json").read_bytes()[:length])
    with pytest.raises(BenchError, match="is not JSON, or was cut off"):
        load_document(tmp_path / "result.json")


@pytest.mark.parametrize(
    ("path", "wrong", "sentence"),
    [
        (("repeats", 3, "seconds"), "long", r'at repeats\[3\].seconds, "long" does not fit: type "number"'),
        (("results", 2, "rate", "median"), None, r'at results\[2\].rate.median, null does not fit: type "number"'),
        (("repeats", 0, "server", "memory"), [1] * 99, r"at repeats\[0\].server.memory, \[1, .*\.\.\. does not fit"),
        (("gateways", 1, "mood"), 1, r"at gateways\[1\], .*'mood' was unexpected"),
        (("goals",), {}, 'at goals, {} does not fit: type "array"'),
    ],
)
def test_the_first_wrong_place_is_named(
    document: Document, tmp_path: Path, path: tuple[Any, ...], wrong: object, sentence: str
) -> None:
    content = plain(document)
    content["results"][2]["rate"] = plain(content["results"][2]["p50_us"])
    with pytest.raises(BenchError, match=sentence) as caught:
        load_document(write(tmp_path / "result.json", put(content, path, wrong)))
    assert len(str(caught.value)) < 400
    assert "\n" not in str(caught.value)


# -- records of version 1 -------------------------------------------------------------------------------------------


def figures_of(row: Any) -> dict[str, tuple[float, float, float]]:
    """Return median and range of each figure of a result or a ratio, in either version."""
    flat = {**row, **{f"p99 of {name}": found for name, found in row.get("exchanges_p99_us", {}).items()}}
    return {
        key: (found["median"], found["min"], found["max"])
        for key, found in flat.items()
        if isinstance(found, dict) and "median" in found
    }


@pytest.mark.parametrize("path", OLD, ids=lambda path: path.stem)
def test_the_figures_of_an_old_record_are_what_they_were(path: Path) -> None:
    told, found = json.loads(path.read_text("utf-8")), load_document(path)
    assert told["schema_version"] == 1
    assert found["schema_version"] == SCHEMA_VERSION
    assert len(found["repeats"]) == len(told["repeats"])
    for part, keys in (("results", ("gateway", "scenario", "requests", "errors", "lower_bound", "ranked")),
                       ("ratios", ("gateway", "scenario", "against", "lower_bound"))):  # fmt: skip
        assert len(found[part]) == len(told[part])  # type: ignore[literal-required]
        for old, new in zip(told[part], found[part], strict=True):  # type: ignore[literal-required]
            assert [new[key] for key in keys] == [old[key] for key in keys]
            once, now = figures_of(old), figures_of(new)
            for figure in once.keys() & now.keys():
                assert now[figure] == pytest.approx(once[figure])
            assert all("p99" in figure for figure in once.keys() - now.keys())  # of too few requests
    assert [goal["verdict"] for goal in found["goals"]] == [goal["verdict"] for goal in told.get("goals", [])]
    assert found["proofs"] == told.get("proofs", [])


def test_the_old_records_had_every_engine_and_kind() -> None:
    documents = [json.loads(path.read_text("utf-8")) for path in OLD]
    repeats = [repeat for document in documents for repeat in document["repeats"]]
    assert {repeat.get("engine") for repeat in repeats} == {None, "wrk", "crowd", "loop"}
    assert any("front_cpu_seconds" in repeat for repeat in repeats)
    assert any(document.get("proofs") for document in documents)


def test_nothing_is_made_up_for_an_old_record() -> None:
    (backends,) = (load_document(path) for path in OLD if path.stem == "backends")
    repeat = backends["repeats"][0]
    assert repeat["front"]
    assert repeat["server"]
    assert repeat["server"]["system_seconds"] is repeat["front"]["memory"] is repeat["queue_wait"] is None
    assert repeat["latency"]["p999"] == 0  # wrk kept no histogram
    assert all(result["p999_us"] is None for result in backends["results"])
    assert backends["noise"] is None
    assert not backends["bands"]
    assert all(ratio["ties"] is None for ratio in backends["ratios"])


def test_an_old_record_that_is_damaged_is_refused_in_one_sentence(tmp_path: Path) -> None:
    content = json.loads(STORED.read_text("utf-8"))
    for path, wrong, sentence in (
        (("repeats", 4, "cpu_seconds"), "much", r"at repeats\[4\].cpu_seconds"),
        (("repeats", 4, "latency", "histogram"), "garbage", "is damaged: a histogram in it cannot be read"),
    ):
        with pytest.raises(BenchError, match=sentence):
            load_document(write(tmp_path / "old.json", put(copy.deepcopy(content), path, wrong)))


def test_every_version_that_is_read_has_its_schema() -> None:
    assert set(SCHEMAS) == set(range(1, SCHEMA_VERSION + 1))
    for version, name in SCHEMAS.items():
        content = json.loads(schema_path().with_name(name).read_text("utf-8"))
        assert content["properties"]["schema_version"]["const"] == version


# -- made from the record -------------------------------------------------------------------------------------------


def test_the_results_follow_from_the_repeats(document: Document) -> None:
    assert results_of(document["repeats"]) == document["results"]


def rows_of(text: str) -> list[dict[str, str]]:
    return list(csv.DictReader(io.StringIO(text)))


def test_csv_has_a_line_for_each_result(document: Document) -> None:
    document["results"][1]["errors"] = {"content": 2, "timeout": 1}
    rows = rows_of(to_csv(document))
    assert len(rows) == len(document["results"])
    for row, result in zip(rows, document["results"], strict=True):
        assert (row["gateway"], row["question"]) == (result["gateway"], result["question"])
        for part in ("median", "low", "high", "min", "max"):
            assert float(row[f"throughput_rps_{part}"]) == result["throughput_rps"][part]
    assert rows[1]["errors"] == "3"
    assert rows[0]["rate_median"] == ""
    assert float(rows[1]["rate_low"]) > 0


def test_csv_of_repeats_has_a_line_for_each_measurement(document: Document) -> None:
    document["repeats"][0]["server"] = None
    document["repeats"][1]["errors"] = {"content": 2}
    rows = rows_of(repeats_to_csv(document))
    assert [row["position"] for row in rows] == [str(repeat["position"]) for repeat in document["repeats"]]
    assert {row["server_cpu_seconds"] for row in rows[:1]} == {rows[0]["cpu_us_per_request"]} == {""}
    assert rows[1]["errors"] == "2"
    for row, repeat in zip(rows[1:], document["repeats"][1:], strict=True):
        assert repeat["server"]
        assert float(row["server_system_seconds"]) == repeat["server"]["system_seconds"]
        assert (row["front_cpu_seconds"] == "") == (repeat["front"] is None)
        assert int(row["p99_us"]) == repeat["latency"]["p99"]
        assert float(row["generator_share"]) == repeat["generator"]["share"]


def printed(document: Document) -> str:
    console = Console(width=120, file=io.StringIO(), force_terminal=False)
    print_document(document, console)
    assert isinstance(console.file, io.StringIO)
    return console.file.getvalue()


def test_the_table_marks_bounds_errors_and_absence() -> None:
    document = load_document(STORED)
    document["results"][2]["errors"] = {"status 500": 3}
    document["gateways"][1] |= {"status": "absent", "reason": "it is not installed", "install": "pip install it"}
    text = printed(document)
    assert "≥" in text
    assert "3 status 500" in text
    assert "absent: FastCGI: it is not installed; to install: pip install it" in text
    assert "…" not in text  # nothing is cut at this width


def test_the_table_of_ratios(document: Document) -> None:
    text = printed(document)
    assert text.count("x ") >= 8
    assert "one over another" in text
    assert "what is promised" not in text


def test_what_the_documentation_tells_to_run_runs(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(ROOT)
    page = (ROOT / "docs" / "bench-record.md").read_text("utf-8")
    for code in re.findall(r"^```python\n(.*?)^```$", page, re.DOTALL | re.MULTILINE):
        exec(compile(code, "bench-record.md", "exec"), {})
        assert "bjoern hello" in capsys.readouterr().out
    assert f"`schema_version` is {SCHEMA_VERSION}" in page
    part = re.findall(r"^\| (`.*?) \|", page, re.MULTILINE)
    named = {name for line in part for name in re.findall(r"`(\w+)`", line)}
    assert named | {"schema_version"} == set(Document.__annotations__)
