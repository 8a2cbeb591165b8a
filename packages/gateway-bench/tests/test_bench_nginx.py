"""nginx before a backend: its configuration, and a run behind it from the command line's order to the report."""

from __future__ import annotations

import json
import sys
from pathlib import Path

import jsonschema
import pytest

from bench_world import Notebook
from gateway_bench.__main__ import main
from gateway_bench.load.address import Address
from gateway_bench.record.document import schema_path
from gateway_bench.record.goals import load_goals
from gateway_bench.record.outcome import save_all
from gateway_bench.run.conductor import Order, run
from gateway_bench.run.plan import expected_seconds, parameters_for, turns_of
from gateway_bench.servers.gateways import load_gateways
from gateway_bench.servers.nginx import configuration, find_nginx, nginx_version

ROOT = Path(__file__).parents[3]
TABLE = ROOT / "benchmarks" / "backends.toml"


@pytest.mark.parametrize(
    ("backend", "kept", "there", "absent"),
    [
        (
            Address("fastcgi", path="/run/a"), 32,
            ["server unix:/run/a; keepalive 32;", "fastcgi_pass backend;", "fastcgi_keep_conn on;",
             "fastcgi_param PATH_INFO $document_uri;", "fastcgi_param CONTENT_LENGTH $content_length;"],
            ["proxy_pass"],
        ),
        (Address("fastcgi", path="/run/a"), 0, ["fastcgi_pass backend;"], ["keep"]),
        (
            Address("scgi", "127.0.0.1", 4000), 0,
            ["server 127.0.0.1:4000;", "scgi_pass backend;", "scgi_param SCGI 1;"], ["CONTENT_LENGTH", "keep"],
        ),
        (Address("uwsgi", path="/run/a"), 0, ["uwsgi_pass backend;", 'uwsgi_param SCRIPT_NAME "";'], ["SCGI", "keep"]),
        (
            Address("http", path="/run/a"), 8,
            ["proxy_pass http://backend;", "proxy_http_version 1.1;", "keepalive 8;"], ["_param"],
        ),
    ],
)  # fmt: skip
def test_configurations(backend: Address, kept: int, there: list[str], absent: list[str]) -> None:
    text = configuration(backend, kept, 8081)
    assert "listen 127.0.0.1:8081;" in text
    assert [words for words in there if words not in text] == []
    assert [words for words in absent if words in text] == []


def test_without_nginx_the_suite_is_refused(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr("gateway_bench.__main__.find_nginx", lambda: None)
    monkeypatch.setattr(sys, "argv", ["gateway-bench", "run", "--suite", "backends"])
    monkeypatch.chdir(ROOT)
    with pytest.raises(SystemExit) as raised:
        main()
    assert raised.value.code == 2
    assert "apt install nginx-light" in capsys.readouterr().err


def test_a_whole_run_takes_six_minutes_at_most() -> None:
    parameters = parameters_for("backends", quick=False)
    rows = {row.name: ["hello"] for row in load_gateways(TABLE)}
    assert expected_seconds(turns_of(rows, parameters["repeats"], 1), parameters) < 6 * 60


@pytest.mark.real("nginx")
def test_backends_are_measured_behind_nginx(tmp_path: Path) -> None:
    nginx = find_nginx()
    assert nginx
    parameters = parameters_for("backends", quick=True, seconds=0.2)
    parameters["warmup_seconds"], parameters["users"] = 0.1, 4
    order = Order(
        suite="backends",
        gateways=load_gateways(TABLE, ["fastcgi", "scgi", "fastcgi-flup"]),
        scenarios=["hello"],
        parameters=parameters,
        seed=1,
        root=ROOT,
        pythons={"own": sys.executable, "peers": str(tmp_path / "python")},
        goals=load_goals(ROOT / "benchmarks" / "goals.toml"),
        nginx=nginx,
    )
    notebook = Notebook()
    document = run(order, notebook)
    jsonschema.validate(json.loads(json.dumps(document)), json.loads(schema_path().read_text("utf-8")))
    assert notebook.failures == []
    assert document["versions"]["nginx"] == nginx_version(nginx)
    assert {row["gateway"] for row in document["results"]} == {"fastcgi", "scgi"}
    for repeat in document["repeats"]:
        assert repeat["errors"] == {}
        assert repeat["requests"] > 0 <= repeat["front_cpu_seconds"]
    (absent,) = (row for row in document["gateways"] if row["status"] == "absent")
    assert absent["name"] == "fastcgi-flup"
    assert {(row["over"], row["verdict"]) for row in document["goals"]} == {("fastcgi-flup", "unknown")}
    report = save_all(document, tmp_path / "out").read_text("utf-8")
    for words in ("Behind nginx", "FastCGI, kept: flup", "is absent", "unknown"):
        assert words in report
    assert {path.stem for path in (tmp_path / "out" / "charts").iterdir()} == {"cpu"}  # no ratio, no chart of them
