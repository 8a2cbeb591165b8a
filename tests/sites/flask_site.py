"""A small Flask application as anybody would write it; it knows nothing of gateways."""

from __future__ import annotations

from collections.abc import Iterator

from flask import Flask, Response, jsonify, redirect, request, session, stream_with_context, url_for

app = Flask(__name__)
app.secret_key = "for tests only"


@app.get("/")
def home() -> str:
    session["visits"] = session.get("visits", 0) + 1
    return f"<h1>Hello</h1><p>visit {session['visits']}, see {url_for('greet', name='Ada Lovelace')}</p>"


@app.get("/greet/<name>")
def greet(name: str) -> Response:
    return jsonify(name=name, query=request.args.to_dict(flat=False), agent=request.headers.get("User-Agent"))


@app.post("/form")
def form() -> Response:
    return redirect(url_for("greet", name=request.form["name"]), 303)  # type: ignore[return-value]


@app.post("/upload")
def upload() -> Response:
    return jsonify({name: len(file.read()) for name, file in request.files.items()})


@app.put("/raw")
def raw() -> bytes:
    return request.get_data()


@app.get("/stream")
def stream() -> Response:
    def lines() -> Iterator[str]:
        for number in range(5):
            yield f"{request.path} {number}\n"

    return Response(stream_with_context(lines()), mimetype="text/plain")


@app.get("/teapot")
def teapot() -> tuple[str, int, dict[str, str]]:
    return "short and stout", 418, {"X-Handle": "here"}


@app.get("/fault")
def fault() -> str:
    raise RuntimeError("on purpose")
