"""Recordings: what is kept of a lesson, and what is refused as one."""

import gzip

import pytest

from classroom_demo import recording
from classroom_demo.recording import BadRecording, Recorder, Recording, Segment, bundled
from classroom_demo.scenes import SCREENS

HEAD = '{"recording": 1, "date": "2026-05-04T08:00:00+00:00", "machine": "m"}'


def frame(state="running", step="run", replay=None, **data):
    return {"screen": {"name": "cgi", "step": step, "state": state, "replay": replay, "data": data}}


def kept(*frames):
    recorder = Recorder()
    for one in frames:
        recorder.take(one)
    return {key: [data for _, data in segment.moments] for key, segment in recorder.recording.segments.items()}


@pytest.mark.parametrize(
    ("frames", "found"),
    [
        ([frame(n=1), frame("done", n=2)], [{"n": 1}, {"n": 2}]),
        ([frame(n=1), {"t": 0.0, "lanes": {}}, frame("done", n=2), frame("done", n=2)], [{"n": 1}, {"n": 2}]),
        ([frame(n=1), frame("done", n=2), frame(n=3), frame("done", n=4)], [{"n": 3}, {"n": 4}]),
        ([frame(n=1), frame("done", n=2), frame(n=3)], [{"n": 1}, {"n": 2}]),  # not over yet
        ([frame(n=1)], None),
        ([frame("done", n=1)], [{"n": 1}]),  # over before a frame could tell that it ran
        ([frame(n=1), frame("failed")], None),
        ([frame("waiting", step="ask")], None),
        ([frame(replay={"date": "d", "machine": "m"}), frame("done", replay={"date": "d", "machine": "m"})], None),
    ],
)
def test_what_a_recorder_keeps(frames, found):
    assert kept(*frames) == ({("cgi", "run"): found} if found else {})


def test_a_recording_keeps_what_was_told_then():
    rows = [1]
    told = frame(rows=rows)
    recorder = Recorder()
    recorder.take(told)
    rows.append(2)
    recorder.take(frame("done"))
    assert recorder.recording.segments["cgi", "run"].moments[0][1] == {"rows": [1]}


def test_an_attempt_that_is_forgotten_leaves_nothing():
    recorder = Recorder()
    recorder.take(frame(n=1))
    recorder.forget("cgi", "run")
    recorder.take(frame(n=2))
    recorder.take(frame("done", n=3))
    assert [data for _, data in recorder.recording.segments["cgi", "run"].moments] == [{"n": 2}, {"n": 3}]


def test_a_recording_that_is_full_still_has_its_end(monkeypatch):
    monkeypatch.setattr(recording, "FRAMES", 2)
    ends = [frame(n=number) for number in range(5)] + [frame("done", n=5)]
    assert kept(*ends) == {("cgi", "run"): [{"n": 0}, {"n": 1}, {"n": 5}]}


def test_a_recording_is_read_as_it_was_saved(tmp_path):
    made = Recording(
        "2026-05-04",
        "m",
        {("cgi", "run"): Segment([(0.0, {"n": 1}), (0.5, {"n": 2})]), ("stay", "run"): Segment([(0.0, {})])},
    )
    made.save(tmp_path / "new" / "lesson.jsonl.gz")
    assert Recording.load(tmp_path / "new" / "lesson.jsonl.gz") == made


@pytest.mark.parametrize(
    ("lines", "sentence"),
    [
        ([], "This is no recording"),
        (["no JSON"], "This is no recording"),
        (["[]"], "This is no recording"),
        (['{"recording": 2}'], "of another version, 2: make a new one"),
        ([HEAD, '{"screen": "cgi"}'], "This is no recording: KeyError"),
        ([HEAD, '{"screen": "cgi", "step": "run", "at": "soon", "data": {}}'], "This is no recording: ValueError"),
    ],
)
def test_what_is_no_recording(lines, sentence):
    with pytest.raises(BadRecording, match=sentence):
        Recording.read(lines)


@pytest.mark.parametrize(
    "data", [None, b"plain", gzip.compress(HEAD.encode())[:-4]], ids=["absent", "plain", "cut off"]
)
def test_a_file_that_cannot_be_read(tmp_path, data):
    file = tmp_path / "lesson.jsonl.gz"
    if data is not None:
        file.write_bytes(data)
    with pytest.raises(BadRecording, match=r"lesson\.jsonl\.gz cannot be read"):
        Recording.load(file)


def test_a_file_that_cannot_be_written(tmp_path):
    (tmp_path / "folder").write_text("in the way")
    with pytest.raises(BadRecording, match="cannot be written"):
        Recording("d", "m").save(tmp_path / "folder" / "x.gz")


def test_the_recording_that_comes_with_the_package_has_every_screen():
    found = bundled()
    assert found
    needed = {(name, step) for name, steps in SCREENS.items() for step in steps if steps[step].live}
    assert needed <= found.segments.keys()
    assert found.segments["stay", "run"].last()["born"] == {"cgi": 40, "fastcgi": 2, "uwsgi": 2, "wsgi": 2}
    assert found.segments["break", "run"].last()["number"] == 21573
