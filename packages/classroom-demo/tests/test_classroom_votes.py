"""Votes: what can be counted, when that ends, what is kept, and what a class has gained."""

import json

import pytest

from classroom_demo.votes import HANDS, BadVote, Ballot, Box, gain

OPTIONS = ("1", "4", "250")


@pytest.mark.parametrize("hands", [0, 1, HANDS])
def test_hands_that_a_room_has(hands):
    ballot = Ballot("again", OPTIONS)
    ballot.count("4", hands)
    assert ballot.told() == {"options": ["1", "4", "250"], "hands": {"4": hands}, "locked": False, "truth": ""}


@pytest.mark.parametrize(
    ("option", "hands", "sentence"),
    [
        ("4", HANDS + 1, "201 hands cannot be: a number from 0 to 200."),
        ("4", 999, "999 hands cannot be"),
        ("4", -1, "-1 hands cannot be"),
        ("4", True, "True hands cannot be"),
        ("5", 1, "'5' is none of 1, 4, 250."),
    ],
)
def test_what_is_no_vote(option, hands, sentence):
    ballot = Ballot("again", OPTIONS, {"4": 7})
    with pytest.raises(BadVote, match=sentence):
        ballot.count(option, hands)
    assert ballot.hands == {"4": 7}


def test_a_tally_is_corrected_until_the_truth_is_out():
    ballot = Ballot("again", OPTIONS)
    ballot.count("4", 7)
    ballot.count("4", 8)
    ballot.lock("4")
    ballot.lock("250")
    with pytest.raises(BadVote, match="stay as they are"):
        ballot.count("4", 9)
    assert (ballot.hands, ballot.truth) == ({"4": 8}, "4")


@pytest.mark.parametrize(
    ("before", "after", "told"),
    [
        ({"4": 1, "250": 3}, {"4": 4}, (0.25, 1.0, 1.0)),
        ({"4": 1, "250": 1}, {"4": 3, "1": 1}, (0.5, 0.75, 0.5)),
        ({"4": 1, "250": 1}, {"1": 1}, (0.5, 0.0, -1.0)),
        ({"4": 5}, {"4": 5}, (1.0, 1.0, None)),
        ({}, {"4": 5}, None),
        ({"4": 5}, {}, None),
    ],
)
def test_what_a_class_has_gained(before, after, told):
    found = gain(Ballot("first", OPTIONS, before, True, "4"), Ballot("last", OPTIONS, after, True, "4"))
    assert (found and tuple(found.told().values())) == told


def test_without_a_truth_nobody_was_right():
    assert Ballot("again", OPTIONS, {"4": 5}).right() is None
    assert Ballot("again", OPTIONS, {"4": 5}, True, "3").right() == 0


def test_everything_is_saved_with_day_and_machine(tmp_path):
    box = Box(tmp_path / "votes", {"again": OPTIONS})
    box.count("again", "4", 7)
    box.lock("again", "4")
    box.keep("again", {"answered": 1000})
    (file,) = (tmp_path / "votes").iterdir()
    saved = json.loads(file.read_text("utf-8"))
    assert file == box.file
    assert saved["ballots"]["again"] == {"options": list(OPTIONS), "hands": {"4": 7}, "locked": True, "truth": "4"}
    assert saved["measured"] == {"again": {"answered": 1000}}
    assert saved["date"][4] == "-"
    assert "Python" in saved["machine"]


def test_an_unknown_question(tmp_path):
    with pytest.raises(BadVote, match="There is no question 'x'"):
        Box(tmp_path, {"again": OPTIONS}).lock("x")


def test_a_folder_that_cannot_be_written(tmp_path):
    (tmp_path / "votes").write_text("a file is in the way")
    box = Box(tmp_path / "votes", {"again": OPTIONS})
    with pytest.raises(BadVote, match="The votes cannot be saved in"):
        box.count("again", "4", 7)
    assert box.ballots["again"].hands == {"4": 7}  # they count all the same
