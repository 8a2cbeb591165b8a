"""The words of the screens: the same keys in every language, each of which is used, and none that is missing."""

import re
from pathlib import Path

import pytest

import classroom_demo
from classroom_demo.scenes import QUESTIONS, SCREENS

STATIC = Path(classroom_demo.__file__).parent / "static"
LITERAL = re.compile(r'"[^"]*"|`[^`]*`')


def source(name):
    return (STATIC / name).read_text("utf-8")


def keys(language):
    """Return the keys of a language, in their order."""
    block = re.search(rf"^const {language} = {{\n(.*?)^}};", source("words.js"), re.DOTALL | re.MULTILINE)
    return re.findall(r"(\w+):", LITERAL.sub("''", block[1]))


@pytest.mark.parametrize("language", ["de", "zh"])
def test_every_language_has_the_same_words(language):
    assert keys(language) == keys("en")


def test_every_word_that_a_drawing_asks_for_is_there():
    asked = {
        word
        for name in ("drawings.js", "screens.js", "votes.js", "wire.js")
        for path in re.findall(r"\bwords\.(\w+(?:\.\w+)?)", source(name))
        for word in path.split(".")
    }
    assert asked - set(keys("en")) <= {"js"}  # the module's own name


def test_every_step_of_the_script_has_a_drawing():
    drawn = re.search(r"export const DRAWINGS = {(.*?)^};", source("drawings.js"), re.DOTALL | re.MULTILINE)[1]
    assert re.findall(r'^ +"(\w+/\w+)":', drawn, re.MULTILINE) == [
        f"{name}/{step}" for name in SCREENS for step in SCREENS[name]
    ]
    order = re.search(r"const ORDER = \[(.*?)\]", source("screens.js"))[1]
    assert re.findall(r'"(\w+)"', order) == list(SCREENS)


def test_every_option_of_the_bill_has_a_name():
    assert set(QUESTIONS["where"]) <= set(keys("en"))


def test_nothing_is_loaded_from_elsewhere():
    for file in sorted(STATIC.iterdir()):
        text = file.read_text("utf-8").replace("http://www.w3.org/2000/svg", "")  # a name, and no address
        assert not re.findall(r"(?:https?:)?//[\w.-]+\.\w+/|@import|url\(", text), file.name
