"""A gateway's own counts, asked for over its status socket; and that no answer, or a bad one, is no count."""

import json
import socket
import threading

import pytest

from classroom_demo.status import served_by
from gateway_lab.folders import short_folder

REPORT = {"format": 1, "worker": [{"pid": 7, "requests": 41}, {"pid": 8, "requests": 0}]}


def answer(text):
    return b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\n\r\n" + text.encode()


@pytest.mark.parametrize(
    ("said", "found"),
    [
        (answer(json.dumps(REPORT)), {7: 41, 8: 0}),
        (answer(json.dumps({**REPORT, "worker": []})), {}),
        (answer(json.dumps({"format": 1})), {}),
        (answer("[]"), {}),
        (answer('{"wor'), {}),
        (b"", {}),
    ],
)
def test_what_a_gateway_says(said, found):
    with short_folder() as folder, socket.socket(socket.AF_UNIX) as listening:
        listening.bind(f"{folder}/status")
        listening.listen()
        heard = []

        def speak():
            peer, _ = listening.accept()
            with peer:
                heard.append(peer.recv(4096))
                peer.sendall(said)

        speaker = threading.Thread(target=speak)
        speaker.start()
        assert served_by(f"{folder}/status") == found
        speaker.join()
        assert heard[0].startswith(b"GET /status?format=json HTTP/1.0\r\n")


def test_nobody_there(tmp_path):
    assert served_by(tmp_path / "status") == {}
